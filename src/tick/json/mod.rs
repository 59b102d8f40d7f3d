//! A JSON text as a flat list of nodes: one pass checks the whole text and notes where its values lie.
//!
//! In: a text that begins with an object. Out: [`Node`]s, which hold places in the text and no text of their own. So a list of
//! nodes can be used again for the next message, and reading allocates nothing.

mod keys;
mod levels;
mod scan;

use super::Problem;
use super::field::Value;
pub use keys::hash;
use keys::{bit, same};
pub use levels::Levels;
pub use scan::scan;

/// A text with more values is not read, so that a hostile one cannot take more than 24 MB.
pub const MOST_VALUES: usize = 1 << 20;

/// What is wrong with a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    NotJson,
    TooManyValues,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Null,
    True,
    False,
    Number,
    Text,
    /// A text in which some characters are written with a backslash.
    EscapedText,
    Object,
    /// A list of objects.
    List,
    /// A list with other values than objects, which are not noted.
    MixedList,
}

/// A value of the text, and the key under which it stands.
#[derive(Debug, Clone, Copy)]
pub struct Node {
    /// Where the key stands, still with its backslashes; empty in a list.
    key: (u32, u32),
    /// The value; without its quotes if it is a text.
    value: (u32, u32),
    /// The index after the last node inside this one.
    next: u32,
    kind: Kind,
    /// The [`hash`] of the key without its backslashes.
    hash: u8,
    /// Whether some of the key's characters are written with a backslash.
    key_is_escaped: bool,
}

/// A value and its key.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a> {
    text: &'a str,
    nodes: &'a [Node],
    at: usize,
}

/// An object of a text.
#[derive(Debug, Clone, Copy)]
pub struct Object<'a> {
    text: &'a str,
    nodes: &'a [Node],
    at: usize,
    /// A bit for each hash modulo 64 that a key has; most keys that are looked for are not there.
    keys: u64,
    /// A bit for each hash modulo 64 that several members have: only their keys may come twice.
    repeated: u64,
}

/// Tells that a key comes twice, with different values.
struct Twice;

/// What a member may hold a message in.
pub enum Nested<'a> {
    Object(Object<'a>),
    /// A list of objects.
    List(Object<'a>),
    /// The content of a text, still with its backslashes.
    Text(&'a str),
}

impl<'a> Object<'a> {
    #[inline]
    fn new(text: &'a str, nodes: &'a [Node], at: usize) -> Object<'a> {
        let mut object = Object { text, nodes, at, keys: 0, repeated: 0 };
        (object.keys, object.repeated) = object.members().fold((0, 0), |(keys, repeated), member| {
            let bit = bit(member.hash());
            (keys | bit, repeated | keys & bit)
        });
        object
    }

    /// Returns the object's members in their order; a key may come twice.
    #[inline]
    pub fn members(self) -> impl Iterator<Item = Member<'a>> {
        self.members_from(self.at + 1)
    }

    #[inline]
    fn members_from(self, mut next: usize) -> impl Iterator<Item = Member<'a>> {
        let Object { text, nodes, at, .. } = self;
        let end = nodes[at].next as usize;
        std::iter::from_fn(move || {
            let at = next;
            if at >= end {
                return None;
            }
            let node = &nodes[at];
            // Most values are not objects, so the next node is usually known without reading this one.
            next = match node.kind {
                Kind::Object | Kind::List | Kind::MixedList => node.next as usize,
                _ => at + 1,
            };
            Some(Member { text, nodes, at })
        })
    }

    /// Returns whether anything may be nested in the object: whether its text has a second opening brace.
    pub fn may_nest(self) -> bool {
        let (start, end) = self.nodes[self.at].value;
        self.text.as_bytes()[start as usize + 1..end as usize].contains(&b'{')
    }

    /// Returns the first member with this key.
    // The hash of a key that is written in the code is then computed by the compiler.
    #[inline(always)]
    pub fn first(self, key: &str) -> Option<Member<'a>> {
        let hash = hash(key.as_bytes());
        if self.keys & bit(hash) == 0 {
            return None;
        }
        self.members().find(|member| member.hash() == hash && member.is(key))
    }

    /// Returns the member with this key. If the key comes twice, both values have to be the same.
    #[inline(always)]
    fn only(self, key: &str) -> Result<Option<Member<'a>>, Twice> {
        match self.first(key) {
            Some(first) if self.repeated & bit(hash(key.as_bytes())) != 0 && self.differs_later(first, key) => {
                Err(Twice)
            }
            first => Ok(first),
        }
    }

    /// Returns whether a later member with the first one's key has another value.
    #[cold]
    #[inline(never)]
    fn differs_later(self, first: Member<'a>, key: &str) -> bool {
        let mut rest = self.members_from(first.node().next as usize);
        rest.any(|member| member.hash() == first.hash() && member.is(key) && !member.has_the_value_of(first))
    }

    /// Returns whether the object has the key.
    #[inline]
    pub fn has(self, key: &str) -> bool {
        self.first(key).is_some()
    }

    /// Returns whether the first value under this key is a list.
    pub fn has_list(self, key: &str) -> bool {
        self.first(key).is_some_and(|member| matches!(member.node().kind, Kind::List | Kind::MixedList))
    }

    /// Returns whether the first value under this key is an object or a list.
    pub fn has_values(self, key: &str) -> bool {
        self.first(key).is_some_and(|member| matches!(member.node().kind, Kind::Object | Kind::List | Kind::MixedList))
    }

    /// Returns the first value under this key, which is enough to tell a shape; absent if there is none.
    pub fn peek(self, key: &str) -> Value<'a> {
        self.first(key).map_or(Value::Absent, Member::value)
    }

    /// Returns the value under this key; absent if there is none.
    #[inline(always)]
    pub fn value(self, key: &str) -> Value<'a> {
        match self.only(key) {
            Ok(member) => member.map_or(Value::Absent, Member::value),
            Err(Twice) => Value::Twice,
        }
    }

    /// Returns the levels of one side of an order book, which are under this key.
    pub fn levels(self, key: &str) -> Levels<'a> {
        let member = match self.only(key) {
            Ok(Some(member)) => member,
            Ok(None) => return Levels::None,
            Err(Twice) => return Levels::Other,
        };
        match member.node().kind {
            Kind::Null => Levels::None,
            Kind::List | Kind::MixedList => {
                let (start, end) = member.node().value;
                levels::read(&member.text[start as usize..end as usize])
            }
            _ => Levels::Other,
        }
    }

    /// Returns the first value under this key if it is an object, which is enough to tell a shape.
    pub fn nested(self, key: &str) -> Option<Object<'a>> {
        match self.first(key)?.nested()? {
            Nested::Object(object) => Some(object),
            Nested::List(_) | Nested::Text(_) => None,
        }
    }

    /// Returns the object under this key.
    ///
    /// # Errors
    /// There is none, or the key comes twice, with different values.
    pub fn object(self, key: &'static str) -> Result<Object<'a>, Problem> {
        self.value(key).once(key)?;
        self.nested(key).ok_or(Problem::Missing { field: key })
    }

    /// Returns the objects of the list under this key, and none if the key is absent. `None` if the value is not a list of objects, or if
    /// the key comes twice, with different values.
    pub fn list(self, key: &str) -> Option<impl Iterator<Item = Object<'a>>> {
        let listed = match self.only(key) {
            Ok(None) => None,
            Ok(Some(member)) => match member.node().kind {
                Kind::List => Some(Object { at: member.at, ..self }),
                Kind::Null => None,
                _ => return None,
            },
            Err(Twice) => return None,
        };
        Some(listed.into_iter().filter_map(Object::objects).flatten())
    }

    /// Returns whether it is a list instead, which a text may be as a whole.
    pub fn is_list(self) -> bool {
        matches!(self.nodes[self.at].kind, Kind::List | Kind::MixedList)
    }

    /// Returns the objects of a list; `None` if it is not a list, or not one of objects only.
    pub fn objects(self) -> Option<impl Iterator<Item = Object<'a>>> {
        let objects = self.members().map(|member| Object::new(member.text, member.nodes, member.at));
        (self.nodes[self.at].kind == Kind::List).then_some(objects)
    }
}

impl<'a> Member<'a> {
    #[inline]
    fn node(self) -> &'a Node {
        &self.nodes[self.at]
    }

    /// Returns the key's [`hash`].
    #[inline]
    pub fn hash(self) -> u8 {
        self.node().hash
    }

    /// Returns the member's key, still with its backslashes.
    #[inline]
    pub fn key(self) -> &'a str {
        let (start, end) = self.node().key;
        &self.text[start as usize..end as usize]
    }

    /// Returns whether this is the member's key.
    #[inline]
    pub fn is(self, key: &str) -> bool {
        let (start, end) = self.node().key;
        // The places are those of characters, which a slice of the text would check again.
        let own = &self.text.as_bytes()[start as usize..end as usize];
        same(own, key.as_bytes()) || self.node().key_is_escaped && self.is_escaped(key)
    }

    #[cold]
    #[inline(never)]
    fn is_escaped(self, key: &str) -> bool {
        let mut own = String::new();
        unescape(self.key(), &mut own).is_some() && own == key
    }

    /// Returns whether both values are written with the same characters.
    pub fn has_the_value_of(self, other: Member<'a>) -> bool {
        let place = |node: &Node| node.value.0 as usize..node.value.1 as usize;
        let (a, b) = (self.node(), other.node());
        a.kind == b.kind && self.text[place(a)] == other.text[place(b)]
    }

    /// Returns the member's value.
    #[inline]
    pub fn value(self) -> Value<'a> {
        let node = self.node();
        let text = &self.text[node.value.0 as usize..node.value.1 as usize];
        match node.kind {
            Kind::Null => Value::Absent,
            Kind::True => Value::Other("true"),
            Kind::False => Value::Other("false"),
            Kind::Number => Value::Number(text),
            Kind::Text => Value::Text(text),
            Kind::EscapedText => Value::Escaped(text),
            Kind::Object => Value::Other("an object"),
            Kind::List | Kind::MixedList => Value::Other("a list"),
        }
    }

    /// Returns the object, the list of objects or the text that the member is; `None` if it is none of them.
    pub fn nested(self) -> Option<Nested<'a>> {
        let (start, end) = self.node().value;
        match self.node().kind {
            Kind::Object => Some(Nested::Object(Object::new(self.text, self.nodes, self.at))),
            Kind::List => Some(Nested::List(Object::new(self.text, self.nodes, self.at))),
            Kind::Text | Kind::EscapedText => Some(Nested::Text(&self.text[start as usize..end as usize])),
            _ => None,
        }
    }
}

/// Appends a text's content to `buffer`, without its backslashes; `None` if it holds half of a surrogate pair.
pub fn unescape(content: &str, buffer: &mut String) -> Option<()> {
    let mut rest = content;
    while let Some(at) = rest.find('\\') {
        buffer.push_str(&rest[..at]);
        // The scanner has checked that a letter follows, and what it may be.
        let plain = match rest.as_bytes().get(at + 1)? {
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let text: String = serde_json::from_str(&format!("\"{}\"", &rest[at..])).ok()?;
                buffer.push_str(&text);
                return Some(());
            }
            other => char::from(*other),
        };
        buffer.push(plain);
        rest = &rest[at + 2..];
    }
    buffer.push_str(rest);
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Just, Strategy, any, prop, prop_oneof, proptest};
    use serde::de::IgnoredAny;

    use super::scan::DEEPEST;
    use super::*;

    /// Texts that are JSON, or nearly so.
    fn text() -> impl Strategy<Value = String> {
        let part = prop_oneof![
            "[{}\\[\\],:\" a-c0-9.eE+-]{0,12}",
            Just("\"a\":".to_string()),
            Just("\\\"".to_string()),
            Just("\\u00e9".to_string()),
            Just("\\ud83d".to_string()),
            Just("true".to_string()),
            Just("-0.5e3".to_string()),
            Just("[{\"a\":1},{}]".to_string()),
            Just("[[1],{\"a\":1}]".to_string()),
            "\\PC{0,3}",
            Just("\u{1}".to_string()),
        ];
        prop::collection::vec(part, 0..8).prop_map(|parts| format!("{{{}}}", parts.concat()))
    }

    proptest! {
        #[test]
        fn what_is_json_is_told_as_serde_tells_it(text in text()) {
            let expected = serde_json::from_str::<IgnoredAny>(&text).is_ok();
            assert_eq!(scan(&text, &mut Vec::new()).is_ok(), expected, "{text}");
        }

        #[test]
        fn a_text_is_read_back(text in any::<String>(), key in "[a-z]{0,9}") {
            let json = serde_json::json!({ "x": 1, key.clone(): text }).to_string();
            let mut nodes = Vec::new();
            let object = scan(&json, &mut nodes).expect("an object");
            let Some(Nested::Text(content)) = object.members().find(|member| member.is(&key)).and_then(Member::nested)
            else { panic!("a text") };
            let mut buffer = String::new();
            assert_eq!(unescape(content, &mut buffer), Some(()));
            assert_eq!(buffer, text);
        }
    }

    #[test]
    fn members_are_passed_over_whole() {
        let text =
            r#"{"a":{"b":[{"c":1},{"d":2}]},"e":[1,{"f":2}],"g":[],"h\u0041":3,"i":null,"i":null,"j":[1],"j":[2]}"#;
        let mut nodes = Vec::new();
        let object = scan(text, &mut nodes).expect("an object");
        let keys: Vec<&str> = object.members().map(Member::key).collect();
        assert_eq!(keys, ["a", "e", "g", r"h\u0041", "i", "i", "j", "j"]);
        let inner = object.nested("a").expect("an object");
        assert_eq!(inner.list("b").map(Iterator::count), Some(2));
        assert!(object.list("e").is_none(), "a list with a number in it");
        assert_eq!(object.list("g").map(Iterator::count), Some(0));
        assert_eq!(object.list("i").map(Iterator::count), Some(0));
        assert_eq!(object.list("none").map(Iterator::count), Some(0));
        assert!(object.list("a").is_none());
        assert_eq!(object.value("hA"), Value::Number("3"));
        assert_eq!((object.value("i"), object.value("j")), (Value::Absent, Value::Twice));
        assert_eq!(object.levels("j"), Levels::Other);
    }

    #[test]
    fn depth_and_number_of_values_are_bounded() {
        let deep = format!("{}1{}", r#"{"a":"#.repeat(200_000), "}".repeat(200_000));
        let mut nodes = Vec::new();
        assert!(scan(&deep, &mut nodes).is_ok());
        assert_eq!(nodes.len(), DEEPEST + 1);
        let wide = format!("{{{}\"b\":1}}", "\"a\":1,".repeat(MOST_VALUES));
        assert_eq!(scan(&wide, &mut nodes).map(drop), Err(Fault::TooManyValues));
        let list = format!("{{\"a\":[{}1]}}", "1,".repeat(MOST_VALUES));
        assert!(scan(&list, &mut nodes).is_ok(), "values of a list of numbers are not noted");
    }
}

//! A walk over the queries of a statement, with the WITH queries that each of them sees.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken;
use datafusion::sql::sqlparser::ast::{
    Cte, GroupByExpr, Query, Select, SelectFlavor, SelectItem, SetExpr, Statement, TableWithJoins, VisitMut,
    VisitorMut, WildcardAdditionalOptions, With,
};

/// A part of a statement at which the walk stops. The parts inside it come first.
pub enum Part<'a> {
    /// A query, with its ORDER BY and LIMIT.
    Query(&'a mut Query),
    Select(&'a mut Select),
}

/// The WITH queries that a part sees.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    queries: &'a [Cte],
    recursive: bool,
}

impl Scope<'_> {
    /// Returns a query that sees what the part sees.
    pub fn query(&self, body: Select) -> Query {
        self.around(Query {
            with: None,
            body: Box::new(SetExpr::Select(Box::new(body))),
            order_by: None,
            limit_clause: None,
            fetch: None,
            locks: Vec::new(),
            for_clause: None,
            settings: None,
            format_clause: None,
            pipe_operators: Vec::new(),
        })
    }

    /// Puts the WITH queries that a query sees in front of its own.
    pub fn around(&self, mut query: Query) -> Query {
        if self.queries.is_empty() {
            return query;
        }
        let own = query.with.take();
        let recursive = self.recursive || own.as_ref().is_some_and(|with| with.recursive);
        let own = own.map(|with| with.cte_tables).unwrap_or_default();
        // One WITH cannot define a name twice; the inner one is meant.
        let hidden = |outer: &&Cte| !own.iter().any(|inner| inner.alias.name == outer.alias.name);
        let mut cte_tables: Vec<Cte> = self.queries.iter().filter(hidden).cloned().collect();
        cte_tables.extend(own.iter().cloned());
        query.with = Some(With { with_token: AttachedToken::empty(), recursive, cte_tables });
        query
    }
}

/// Returns `SELECT * FROM …`.
pub fn everything(from: Vec<TableWithJoins>) -> Select {
    Select {
        select_token: AttachedToken::empty(),
        optimizer_hints: Vec::new(),
        distinct: None,
        select_modifiers: None,
        top: None,
        top_before_distinct: false,
        projection: vec![SelectItem::Wildcard(WildcardAdditionalOptions::default())],
        exclude: None,
        into: None,
        from,
        lateral_views: Vec::new(),
        prewhere: None,
        selection: None,
        connect_by: Vec::new(),
        group_by: GroupByExpr::Expressions(Vec::new(), Vec::new()),
        cluster_by: Vec::new(),
        distribute_by: Vec::new(),
        sort_by: Vec::new(),
        having: None,
        named_window: Vec::new(),
        qualify: None,
        window_before_qualify: false,
        value_table_mode: None,
        flavor: SelectFlavor::Standard,
    }
}

/// Visits every query and every SELECT of a statement, those inside first.
pub fn walk<F>(statement: &mut Statement, visit: &mut F) -> ControlFlow<()>
where
    F: FnMut(Part, &Scope) -> ControlFlow<()>,
{
    let mut walker = Walker { queries: Vec::new(), recursive: false, visit };
    statement.visit(&mut Outermost { walker: &mut walker, depth: 0 })
}

struct Walker<'a, F> {
    queries: Vec<Cte>,
    recursive: bool,
    visit: &'a mut F,
}

impl<F: FnMut(Part, &Scope) -> ControlFlow<()>> Walker<'_, F> {
    fn query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let (outer, outer_recursive) = (self.queries.len(), self.recursive);
        if let Some(with) = &mut query.with {
            self.recursive |= with.recursive;
            for inner in &mut with.cte_tables {
                self.query(&mut inner.query)?;
                self.queries.push(inner.clone());
            }
        }
        self.body(&mut query.body)?;
        // A query brings its own WITH queries.
        self.queries.truncate(outer);
        self.recursive = outer_recursive;
        (self.visit)(Part::Query(query), &Scope { queries: &self.queries, recursive: self.recursive })
    }

    fn body(&mut self, body: &mut SetExpr) -> ControlFlow<()> {
        match body {
            SetExpr::Select(select) => {
                select.visit(&mut Outermost { walker: self, depth: 0 })?;
                (self.visit)(Part::Select(select), &Scope { queries: &self.queries, recursive: self.recursive })
            }
            SetExpr::Query(query) => self.query(query),
            SetExpr::SetOperation { left, right, .. } => {
                self.body(left)?;
                self.body(right)
            }
            _ => ControlFlow::Continue(()),
        }
    }
}

/// Finds the outermost queries in a part of the syntax tree; the walker goes on inside them.
struct Outermost<'a, 'b, F> {
    walker: &'a mut Walker<'b, F>,
    depth: usize,
}

impl<F: FnMut(Part, &Scope) -> ControlFlow<()>> VisitorMut for Outermost<'_, '_, F> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if self.depth == 0 {
            self.walker.query(query)?;
        }
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &mut Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }
}

//! Commands about how results look.

use super::{Answer, Completes, Kind, Run, SWITCH, on_or_off, switch};
use crate::repl::complaint::Complaint;
use crate::repl::format::Format;
use crate::repl::help;
use crate::repl::shell::{Shell, Width};

/// The family's commands.
pub static COMMANDS: &[Kind] = &[
    Kind {
        name: ".mode",
        aliases: &[".format"],
        arguments: "[MODE]",
        help: "how results are printed; .mode alone lists the modes",
        completes: &[Completes::Words(|| Format::names().collect())],
        run: Run::Now(mode),
    },
    Kind {
        name: ".vertical",
        aliases: &["\\x"],
        arguments: "",
        help: "changes between a table and one line a column",
        completes: &[],
        run: Run::Now(|shell, _| {
            let vertical = shell.style.format == Format::VERTICAL;
            shell.style.format = if vertical { Format::TABLE } else { Format::VERTICAL };
            Ok(format!("mode is {}\n", shell.style.format))
        }),
    },
    Kind {
        name: ".limit",
        aliases: &[".maxrows"],
        arguments: "[ROWS]",
        help: "the most rows printed of a result, 0 for all",
        completes: &[],
        run: Run::Now(limit),
    },
    Kind {
        name: ".width",
        aliases: &[".maxwidth"],
        arguments: "[CHARACTERS]",
        help: "the widest line; 0 for any, auto for the terminal's",
        completes: &[Completes::Words(|| vec!["auto"])],
        run: Run::Now(width),
    },
    Kind {
        name: ".nullvalue",
        aliases: &[],
        arguments: "[TEXT]",
        help: "what stands for NULL where people read",
        completes: &[],
        run: Run::Now(|shell, arguments| match arguments {
            [text, ..] => {
                shell.style.appearance.null = text.clone();
                Ok(String::new())
            }
            [] => Ok(format!("NULL is shown as `{}`\n", shell.style.appearance.null)),
        }),
    },
    Kind {
        name: ".separators",
        aliases: &[],
        arguments: "[on|off]",
        help: "whether numbers have commas between thousands",
        completes: &[SWITCH],
        run: Run::Now(|shell, arguments| match arguments {
            [word, ..] => {
                shell.style.appearance.separators = on_or_off(word)?;
                Ok(String::new())
            }
            [] => Ok(format!("separators are {}\n", switch(shell.style.appearance.separators))),
        }),
    },
    Kind {
        name: ".timing",
        aliases: &[".timer", "\\timing"],
        arguments: "[on|off]",
        help: "whether rows and time are printed after a result",
        completes: &[SWITCH],
        run: Run::Now(|shell, arguments| match arguments {
            [word, ..] => {
                shell.timing = on_or_off(word)?;
                Ok(String::new())
            }
            [] => Ok(format!("timing is {}\n", switch(shell.timing))),
        }),
    },
    Kind {
        name: ".pager",
        aliases: &[],
        arguments: "[on|off]",
        help: "whether results longer than the screen go to $PAGER",
        completes: &[SWITCH],
        run: Run::Now(|shell, arguments| match arguments {
            [word, ..] => {
                shell.paging = on_or_off(word)?;
                Ok(String::new())
            }
            [] => Ok(format!("pager is {}\n", switch(shell.paging))),
        }),
    },
];

fn mode(shell: &mut Shell<'_>, arguments: &[String]) -> Answer {
    let [mode, ..] = arguments else {
        return Ok(format!("mode is {}\n{}", shell.style.format, help::modes()));
    };
    let Some(format) = Format::named(mode) else {
        let names: Vec<&str> = Format::names().collect();
        return Err(Complaint::new(format!("no mode is named `{mode}`"))
            .with_hint(format!("the modes are {}", names.join(", "))));
    };
    shell.style.format = format;
    Ok(String::new())
}

fn limit(shell: &mut Shell<'_>, arguments: &[String]) -> Answer {
    let [rows, ..] = arguments else {
        return Ok(match shell.style.limit {
            Some(limit) => format!("limit is {limit}\n"),
            None => "limit is 0: all rows\n".into(),
        });
    };
    let Ok(limit) = rows.parse() else {
        return Err(Complaint::new(format!("`{rows}` is not a number of rows")).with_hint("write .limit 100"));
    };
    shell.style.limit = (limit > 0).then_some(limit);
    Ok(String::new())
}

fn width(shell: &mut Shell<'_>, arguments: &[String]) -> Answer {
    let [width, ..] = arguments else {
        return Ok(match shell.width {
            Width::Terminal => "width is auto: the terminal's\n".into(),
            Width::Set(0) => "width is 0: any\n".into(),
            Width::Set(width) => format!("width is {width}\n"),
        });
    };
    shell.width = match (width.as_str(), width.parse()) {
        ("auto", _) => Width::Terminal,
        (_, Ok(width)) => Width::Set(width),
        (_, Err(_)) => {
            return Err(
                Complaint::new(format!("`{width}` is not a number of characters")).with_hint("write .width 120")
            );
        }
    };
    Ok(String::new())
}

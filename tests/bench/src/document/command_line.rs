//! The command that repeats a report, without anything that is specific to one machine.

/// Returns the `make` command that repeats the measurement.
pub(super) fn shown(arguments: &[String]) -> String {
    let (mut shown, mut rest) = (Vec::new(), arguments.iter());
    while let Some(argument) = rest.next() {
        match (argument.as_str(), argument.split_once('=')) {
            ("--report", _) => drop(rest.next()),
            (_, Some(("--report", _))) => {}
            ("--with", _) => shown.push(with(rest.next().map_or("", String::as_str))),
            (_, Some(("--with", given))) => shown.push(with(given)),
            _ => shown.push(argument.clone()),
        }
    }
    if shown.is_empty() {
        return "make bench-report".to_owned();
    }
    format!("make bench-report BENCH=\"{}\"", shown.join(" "))
}

/// Shows a custom server by its name, without its command.
fn with(given: &str) -> String {
    let (name, _) = given.split_once('=').unwrap_or((given, ""));
    format!("--with {name}=...")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(arguments: &[&str]) -> String {
        shown(&arguments.iter().map(|argument| (*argument).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn command_contains_no_paths() {
        assert_eq!(of(&["--report", "/home/me/docs"]), "make bench-report");
        assert_eq!(
            of(&["--report=docs", "--rounds", "9"]),
            "make bench-report BENCH=\"--rounds 9\""
        );
        let with = ["--with", "mine=/home/me/echo 0", "--with=other=/opt/x", "--report", "docs"];
        assert_eq!(of(&with), "make bench-report BENCH=\"--with mine=... --with other=...\"");
    }
}

//! `ws-host test`: scripts that test a handler.

use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Result, ensure};
use tempfile::TempDir;
use ws_host_test_support::component;

/// The program that `ws-host test` starts.
const PROGRAM: &str = env!("CARGO_BIN_EXE_ws-host-test");

/// A folder with a project: the echo example, and a script.
struct Project(TempDir);

impl Project {
    fn new(script: &str) -> Result<Self> {
        let folder = TempDir::new()?;
        let component = component("echo");
        let config = format!("[[resource]]\ncomponent = {component:?}\npath = \"/echo\"\n");
        std::fs::write(folder.path().join("ws-host.toml"), config)?;
        std::fs::create_dir(folder.path().join("tests"))?;
        std::fs::write(folder.path().join("tests/echo.toml"), script)?;
        Ok(Self(folder))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn test(&self, arguments: &[&str]) -> Result<Output> {
        let mut command = Command::new(PROGRAM);
        Ok(command.args(arguments).current_dir(self.path()).output()?)
    }

    /// Runs the scripts, one of which must fail. Returns what was printed.
    fn fails(&self, arguments: &[&str]) -> Result<String> {
        let output = self.test(arguments)?;
        let printed = String::from_utf8(output.stdout)? + &String::from_utf8(output.stderr)?;
        ensure!(output.status.code() == Some(1), "{}: {printed}", output.status);
        ensure!(!printed.contains("panicked"), "{printed}");
        Ok(printed)
    }
}

/// Returns a script with one test.
fn steps(steps: &str) -> String {
    format!("[[test]]\nname = \"a test\"\nsteps = [\n{steps}\n]\n")
}

#[test]
fn scripts_of_a_project_are_found_and_pass() -> Result<()> {
    let mut script = steps(
        r#"
        { connect = "ada", to = "/echo" },
        { send = "ada", text = "hello" },
        { expect = "ada", text = "hello" },
        { send = "ada", json = { kind = "move", to = [1, 2] } },
        { expect = "ada", json = { to = [1, 2], kind = "move" } },
        { send = "ada", bytes = "00 ff" },
        { expect = "ada", bytes = "00ff" },
        { send = "ada", text = "number 17" },
        { expect = "ada", matches = 'number \d+' },
        { connect = "bob", to = "/elsewhere", refused = 404 },
        { connect = "bob", to = "/echo" },
        { ping = "bob", text = "there?" },
        { expect-pong = "bob", text = "there?" },
        { expect-nothing = ["ada", "bob"] },
        { advance = "1d" },
        { fault = "trap" },
        { send = "bob", text = "boom" },
        { expect-close = "bob", code = 1011, reason = "the handler failed" },
        { expect-log = "unreachable" },
        { close = "ada", code = 4000, reason = "bye" },
        { expect-close = "ada", code = 4000, reason = "bye" },"#,
    );
    script += "[[test]]\nname = \"other\"\nsteps = [{ connect = \"ada\", to = \"/echo\" }]\n";
    let project = Project::new(&script)?;
    let output = project.test(&[])?;
    let printed = String::from_utf8(output.stdout)?;
    assert_eq!(
        printed,
        "tests/echo.toml\n  ok      a test\n  ok      other\n\n2 passed, 0 failed\n"
    );
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stderr)?, "");
    let output = project.test(&["tests", "--filter", "oth"])?;
    let printed = String::from_utf8(output.stdout)?;
    assert_eq!(printed, "tests/echo.toml\n  ok      other\n\n1 passed, 0 failed, 1 filtered out\n");
    assert!(output.status.success());
    Ok(())
}

#[test]
fn failure_shows_the_step_what_was_expected_and_what_came() -> Result<()> {
    let script = steps(
        "{ connect = \"ada\", to = \"/echo\" },\n{ send = \"ada\", text = \"hi\" },\n{ expect = \"ada\", text = \"ho\" },",
    );
    let printed = Project::new(&script)?.fails(&[])?;
    let expected = "tests/echo.toml:6: { expect = \"ada\", text = \"ho\" }\nada received \
                    something else\n  expected  text \"ho\"\n  got       text \"hi\"";
    assert!(printed.contains(expected), "{printed}");
    assert!(printed.contains("  FAILED  a test\n") && printed.ends_with("\n0 passed, 1 failed\n"));
    for (wrong, words) in [
        ("{ expect = \"ada\", text = \"hi\" },", vec!["got       nothing"]),
        (
            "{ send = \"ada\", text = \"hi\" }, { expect-nothing = \"ada\" },",
            vec!["expected  nothing", "got       text \"hi\""],
        ),
        (
            "{ expect-nothing = \"bob\" },",
            vec!["no client is called \"bob\"; connected so far: ada"],
        ),
        ("{ connect = \"bob\", to = \"/\" },", vec!["the client was refused: status 404"]),
        ("{ connect = \"bob\", to = \"/echo\", refused = 404 },", vec!["an accepted client"]),
        ("{ expect-log = \"nothing like this\" },", vec!["nothing like this", "none"]),
        ("{ reload = \"no.wasm\" },", vec!["the reload failed", "no file", "no.wasm"]),
        ("{ close = \"ada\", code = 1005 },", vec!["1005"]),
    ] {
        let steps = steps(&format!("{{ connect = \"ada\", to = \"/echo\" }},\n{wrong}"));
        let printed = Project::new(&steps)?.fails(&[])?;
        assert!(printed.contains("tests/echo.toml:5: "), "{printed}");
        for word in words {
            assert!(printed.contains(word), "{wrong}: {word:?} is not in {printed}");
        }
    }
    Ok(())
}

#[test]
fn mistake_in_a_script_is_reported_with_its_line() -> Result<()> {
    let step = |step: &str| steps(step);
    for (script, line, words) in [
        (
            step("{ expekt = \"ada\", text = \"x\" },"),
            4,
            "unknown key `expekt`; did you mean `expect`?",
        ),
        (step("{ expect = \"ada\", txt = \"x\" },"), 4, "one of `text`, `contains`"),
        (step("{ send = \"ada\", text = \"x\", witin = \"1s\" },"), 4, "unknown key `witin`"),
        (step("{ expect = \"ada\", text = \"x\", witin = \"1s\" },"), 4, "did you mean `within`?"),
        (step("{ expect = \"ada\", text = \"x\", contains = \"y\" },"), 4, "only one of"),
        (step("{ expect = \"ada\", matches = \"(\" },"), 4, "not a valid regular expression"),
        (step("{ send = \"ada\", bytes = \"0g\" },"), 4, "hexadecimal"),
        (step("{ send = 1, text = \"x\" },"), 4, "`send` must be a string or a list of strings"),
        (step("{ send = [], text = \"x\" },"), 4, "the list of clients is empty"),
        (step("{ send = \"ada\", expect = \"ada\", text = \"x\" },"), 4, "one thing"),
        (step("{ advance = \"soon\" },"), 4, "\"30s\""),
        (step("{ advance = \"400d\" },"), 4, "366 days"),
        (step("{ hibernate = false },"), 4, "must be true"),
        (step("{ fault = \"fire\" },"), 4, "trap, memory, cpu or time"),
        (step("{},"), 4, "the step is empty"),
        (step("{ connect = \"ada\", from = \"home\" },"), 4, "IP address"),
        ("[[test]]\nname = \"x\"\n".to_owned(), 1, "steps"),
        ("nme = 1\n".to_owned(), 1, "unknown key `nme`"),
        ("[[test]\n".to_owned(), 1, ""),
        (String::new(), 1, "the script has no tests"),
        ("component = \"no.wasm\"\n".to_owned() + &step(""), 5, ""),
    ] {
        let printed = Project::new(&script)?.fails(&[])?;
        let place = format!("tests/echo.toml:{line}: ");
        if words.is_empty() && !script.starts_with("[[test]\n") {
            // A missing component is not noticed until the test runs.
            assert!(printed.contains("there is no file"), "{printed}");
            continue;
        }
        assert!(printed.contains(&place), "{script}: {printed}");
        assert!(printed.contains(words), "{script}: {words:?} is not in {printed}");
    }
    Ok(())
}

#[test]
fn missing_scripts_and_projects_are_reported() -> Result<()> {
    let folder = TempDir::new()?;
    let test = |arguments: &[&str]| -> Result<String> {
        let mut command = Command::new(PROGRAM);
        let output = command.args(arguments).current_dir(folder.path()).output()?;
        ensure!(output.status.code() == Some(1));
        Ok(String::from_utf8(output.stdout)? + &String::from_utf8(output.stderr)?)
    };
    assert!(test(&[])?.contains("there are no test scripts (tests/*.toml) in this folder"));
    assert!(test(&["."])?.contains("there are no test scripts (*.toml) in ."));
    assert!(test(&["no.toml"])?.contains("cannot read the script no.toml: No such file"));
    std::fs::write(folder.path().join("a.toml"), steps("{ stop = true },"))?;
    assert!(test(&["a.toml"])?.contains("a.toml:1: nothing to test"));
    let config = "[[resource]]\ncomponent = \"build/a.wasm\"\n";
    std::fs::write(folder.path().join("ws-host.toml"), config)?;
    let printed = test(&["a.toml"])?;
    assert!(printed.contains("ws-host.toml:2: component"), "{printed}");
    assert!(printed.contains("no such file: build the handler first"), "{printed}");
    std::fs::write(folder.path().join("core.wasm"), b"\0asm\x01\0\0\0")?;
    let script = format!("component = \"core.wasm\"\n{}", steps("{ stop = true },"));
    std::fs::write(folder.path().join("a.toml"), script)?;
    assert!(test(&["a.toml"])?.contains("is a core WebAssembly module, not a component"));
    Ok(())
}

#[test]
fn component_that_takes_too_much_memory_to_compile_is_refused() -> Result<()> {
    let project = Project::new(&steps(r#"{ connect = "ada", to = "/echo" }"#))?;
    let file = project.path().join("ws-host.toml");
    let config = std::fs::read_to_string(&file)?;
    // The cache is off, because it may already contain the component.
    let limited = |memory: &str| format!("cache = false\ncompile-memory = \"{memory}\"\n{config}");
    std::fs::write(&file, limited("1MiB"))?;
    let printed = project.fails(&[])?;
    let expected = "compiling it takes more memory than 1.0 MiB";
    ensure!(printed.contains(expected) && printed.contains("compile-memory"), "{printed}");
    std::fs::write(&file, limited("1GiB"))?;
    let output = project.test(&[])?;
    ensure!(output.status.success(), "{output:?}");
    Ok(())
}

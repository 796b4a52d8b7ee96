//! Every guest has a test.

use anyhow::Result;
use ws_host_test_support::root;

#[test]
fn every_guest_is_named_by_a_test() -> Result<()> {
    let mut tests = String::new();
    for folder in [
        "tests/integration",
        "tests/integration/cluster",
        "host/tests/cancel_safety",
        "host/testing/tests/handlers",
    ] {
        for file in std::fs::read_dir(root().join(folder))? {
            let file = file?.path();
            if file.extension().is_some_and(|extension| extension == "rs") {
                tests += &std::fs::read_to_string(file)?;
            }
        }
    }
    let mut guests = 0;
    for guest in std::fs::read_dir(root().join("tests/guests/examples"))? {
        let guest = guest?.path();
        let name = guest.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        assert!(
            ["\"", ".wasm"].iter().any(|end| tests.contains(&format!("guest-{name}{end}"))),
            "no test uses the guest {name}"
        );
        guests += 1;
    }
    assert!(guests > 0, "the guests have moved");
    Ok(())
}

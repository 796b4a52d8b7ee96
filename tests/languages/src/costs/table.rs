//! The table as Markdown.

use std::time::Duration;

use anyhow::Result;

use super::Costs;
use super::echoes::{Echoes, WORKLOADS};

/// The first two lines.
pub(super) const HEAD: &str = "\
| `--lang` | size of echo | size of chat | build | first load | from the cache | memory | resident | echo of 20 bytes | echo of 1 KiB |
|---|---|---|---|---|---|---|---|---|---|";

/// Returns the line of a language.
pub(super) fn row(costs: &Costs, echoes: &Echoes) -> Result<String> {
    let checked = &costs.checked;
    let mut cells = vec![
        format!("`{}`", costs.name),
        size(costs.echo_size),
        size(costs.chat_size),
        time(costs.rebuild),
        time(Duration::from_secs_f64(checked.first_load_seconds)),
        time(Duration::from_secs_f64(checked.cached_load_seconds)),
        size(checked.instance_memory),
        size(costs.resident as u64),
    ];
    for workload in WORKLOADS {
        cells.push(format!("{:.2}", echoes.by_rust(costs.name, workload)?));
    }
    Ok(format!("| {} |", cells.join(" | ")))
}

/// Writes a number of bytes as the documents do.
fn size(bytes: u64) -> String {
    let kib = bytes as f64 / 1024.0;
    // What is rounded to 1024 KiB is written as 1.0 MiB.
    if kib < 1023.5 { format!("{kib:.0} KiB") } else { format!("{:.1} MiB", kib / 1024.0) }
}

/// Writes a time as the documents do.
fn time(time: Duration) -> String {
    match time.as_secs_f64() {
        seconds if seconds < 0.001 => "below 1 ms".to_owned(),
        // What is rounded to 1000 ms is written as 1.0 s.
        seconds if seconds < 0.9995 => format!("{:.0} ms", seconds * 1000.0),
        seconds => format!("{seconds:.1} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::costs::checked::Checked;
    use crate::costs::echoes::printed;

    #[test]
    fn row_has_a_cell_for_each_column() {
        let costs = Costs {
            name: "go",
            echo: "echo.wasm".into(),
            echo_size: 3_040_870,
            chat_size: 5 << 20,
            rebuild: Duration::from_millis(640),
            checked: Checked {
                first_load_seconds: 2.24,
                cached_load_seconds: 0.0217,
                instance_memory: 3_565_158,
            },
            resident: 34 << 10,
        };
        let echoes = printed(
            "cpu-ratio-by-round go echo-20 1.02 (1.00-1.03)\n\
             cpu-ratio-by-round go echo-1KiB 1.18 (1.10-1.20)\n",
        );
        let row = row(&costs, &echoes).unwrap();
        assert_eq!(
            row,
            "| `go` | 2.9 MiB | 5.0 MiB | 640 ms | 2.2 s | 22 ms | 3.4 MiB | 34 KiB | 0.98 | 0.85 |"
        );
        for line in HEAD.lines() {
            assert_eq!(line.matches('|').count(), row.matches('|').count(), "{line}");
        }
    }

    #[test]
    fn unit_changes_where_the_rounded_number_does() {
        assert_eq!(
            [1023 << 10, (1 << 20) - 1, 1 << 20].map(size),
            ["1023 KiB", "1.0 MiB", "1.0 MiB"]
        );
        let times = [999, 1000, 999_400, 999_600].map(Duration::from_micros);
        assert_eq!(times.map(time), ["below 1 ms", "1 ms", "999 ms", "1.0 s"]);
    }
}

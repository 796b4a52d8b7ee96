//! The values of the label for close codes. Clients choose their codes freely, so most codes share a value.

/// The values of the label.
pub(crate) const VALUES: &[&str] = &[
    "1000",
    "1001",
    "1002",
    "1003",
    "1005",
    "1006",
    "1007",
    "1008",
    "1009",
    "1010",
    "1011",
    "1012",
    "1013",
    "1014",
    "3000-3999",
    "4000-4999",
    "other",
];

/// Returns the value of the label for a close code.
pub(crate) fn code_label(code: u16) -> &'static str {
    match code {
        3000..=3999 => "3000-3999",
        4000..=4999 => "4000-4999",
        _ => {
            let text = code.to_string();
            VALUES.iter().find(|value| **value == text).copied().unwrap_or("other")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_one_of_the_labels() {
        for code in 0..=u16::MAX {
            assert!(VALUES.contains(&code_label(code)), "{code}");
        }
        let labels = [1000, 1004, 1014, 1015, 2999, 3000, 3999, 4000, 4999, 5000].map(code_label);
        let expected = [
            "1000",
            "other",
            "1014",
            "other",
            "other",
            "3000-3999",
            "3000-3999",
            "4000-4999",
            "4000-4999",
            "other",
        ];
        assert_eq!(labels, expected);
    }
}

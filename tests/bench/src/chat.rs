//! Text that compresses as what people send each other does: JSON with words, names and numbers.

/// Who writes.
const NAMES: [&str; 8] = ["anna", "bogdan", "chiara", "deniz", "emeka", "farah", "goran", "hanna"];

/// What they write.
const WORDS: [&str; 64] = [
    "about",
    "again",
    "all",
    "and",
    "are",
    "back",
    "before",
    "but",
    "can",
    "come",
    "day",
    "do",
    "else",
    "even",
    "every",
    "fine",
    "first",
    "for",
    "from",
    "going",
    "good",
    "have",
    "here",
    "how",
    "if",
    "in",
    "is",
    "it",
    "just",
    "know",
    "later",
    "like",
    "long",
    "look",
    "made",
    "maybe",
    "meet",
    "more",
    "morning",
    "need",
    "never",
    "not",
    "now",
    "of",
    "on",
    "our",
    "over",
    "room",
    "see",
    "she",
    "so",
    "than",
    "that",
    "the",
    "there",
    "they",
    "to",
    "today",
    "was",
    "we",
    "when",
    "with",
    "you",
    "yesterday",
];

/// Milliseconds since 1970 of the first message.
const BEGAN: u64 = 1_795_000_000_000;

/// The same text each time, of so many octets; only its end may be cut off.
pub(crate) fn text(octets: usize) -> String {
    let (mut text, mut numbers, mut time) = (String::from('['), Numbers(1), BEGAN);
    while text.len() < octets {
        time += numbers.below(60_000);
        let name = numbers.one_of(&NAMES);
        text += &format!("{{\"from\":\"{name}\",\"at\":{time},\"text\":\"");
        for _ in 0..4 + numbers.below(12) {
            text += numbers.one_of(&WORDS);
            text.push(' ');
        }
        text += "\"},";
    }
    text.truncate(octets);
    text
}

/// Numbers without a pattern, and the same for every server: xorshift.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn one_of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len() as u64) as usize]
    }
}

//! Text that compresses like chat messages: JSON with words, names and numbers.

/// The names of the senders.
const NAMES: [&str; 8] = ["anna", "bogdan", "chiara", "deniz", "emeka", "farah", "goran", "hanna"];

/// The words of their messages.
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

/// The time of the first message, in milliseconds since 1970.
const BEGAN: u64 = 1_795_000_000_000;

/// Returns `bytes` bytes of text, the same in every run. The last message may be cut off.
pub(crate) fn text(bytes: usize) -> String {
    let (mut text, mut numbers, mut time) = (String::from('['), Numbers(1), BEGAN);
    while text.len() < bytes {
        time += numbers.below(60_000);
        let name = numbers.one_of(&NAMES);
        text += &format!("{{\"from\":\"{name}\",\"at\":{time},\"text\":\"");
        for _ in 0..4 + numbers.below(12) {
            text += numbers.one_of(&WORDS);
            text.push(' ');
        }
        text += "\"},";
    }
    text.truncate(bytes);
    text
}

/// Pseudorandom numbers, the same in every run (xorshift).
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

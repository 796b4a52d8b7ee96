//! Enums for the results that the host returns as words, such as `too-many`.

/// Defines an enum of the words that a function of the host may return. A later contract may add words. A word that
/// this crate does not know becomes `Unknown`.
macro_rules! words {
    (
        $(#[$meta:meta])*
        $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $word:literal, $text:literal;)* }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_meta])* $variant,)*
            /// A word that this version of the crate does not know.
            Unknown,
        }

        impl $name {
            /// Returns the word of the contract, or `unknown` for a word that this version of the crate does not know.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                    Self::Unknown => "unknown",
                }
            }

            pub(crate) fn of(word: &str) -> Self {
                match word {
                    $($word => Self::$variant,)*
                    _ => Self::Unknown,
                }
            }
        }

        /// Writes the meaning in a few words.
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(match self {
                    $(Self::$variant => $text,)*
                    Self::Unknown => "the host gave a reason that this version of the handler does not know",
                })
            }
        }
    };
}

/// Defines an enum of words in the same way as `words!`. The enum also implements `Error` and `From<String>`.
macro_rules! errors {
    ($(#[$meta:meta])* $name:ident { $($variants:tt)* }) => {
        $crate::words::words! { $(#[$meta])* $name { $($variants)* } }

        impl std::error::Error for $name {}

        impl From<String> for $name {
            fn from(word: String) -> Self {
                Self::of(&word)
            }
        }
    };
}

pub(crate) use {errors, words};

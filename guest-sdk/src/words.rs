//! Words of the host, as types.

/// An enum of the words that a function of the host may answer with. More may be added to a released contract: a
/// word that is not known here is `Unknown`.
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
            /// One that this version of the crate does not know.
            Unknown,
        }

        impl $name {
            /// The word of the contract; `unknown` for one that is not known here.
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

        /// What it means, in a few words.
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(match self {
                    $(Self::$variant => $text,)*
                    Self::Unknown => "the host says so in a word that is not known here",
                })
            }
        }
    };
}

/// The same for errors.
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

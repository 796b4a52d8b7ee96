//! Whoever asks may go, what runs goes on: every future of the library, dropped after each number of polls.

mod changes;
mod clients;
mod messages;
mod scene;
mod tagged;

//! Reminders that a restart does not lose: a durable timer, and its text among the keys and values.

use std::time::Duration;

use ws_guest::{Error, Timer, broadcast, clients};

use crate::store;

/// Reminds everyone of a text after some seconds.
pub(crate) fn set(seconds: &str, text: &str) -> Result<(), Error> {
    let after = Duration::from_secs(seconds.parse()?);
    let timer = Timer::new(store::next_number()?);
    store::keep(&timer.to_string(), text)?;
    Ok(timer.set_durable(after)?)
}

/// Sends a reminder to all clients. The instance may be a new one that knows only the number of the timer.
pub(crate) fn fired(timer: Timer) -> Result<(), Error> {
    if let Some(text) = store::kept(&timer.to_string())? {
        broadcast(clients(), &format!("reminder: {text}"));
        store::drop_text(&timer.to_string())?;
    }
    Ok(())
}

//! The interfaces with one or two functions.

pub(crate) mod config {
    use crate::testing::current::with;

    pub(crate) fn get(key: &str) -> Result<Option<String>, String> {
        with(|fake| Ok(fake.settings.config.get(key).cloned()))
    }

    pub(crate) fn get_all() -> Result<Vec<(String, String)>, String> {
        let pair = |(key, value): (&String, &String)| (key.clone(), value.clone());
        with(|fake| Ok(fake.settings.config.iter().map(pair).collect()))
    }
}

pub(crate) mod custom {
    use crate::testing::current::with;

    pub(crate) fn kind() -> Option<String> {
        with(|fake| fake.event.custom.as_ref().and_then(|(kind, _)| kind.clone()))
    }

    pub(crate) fn sender() -> Option<String> {
        with(|fake| fake.event.custom.as_ref().map(|(_, sender)| sender.clone()))
    }
}

pub(crate) mod disconnection {
    use crate::testing::current::with;
    use crate::testing::fake_client::End;

    pub(crate) fn cause(client: u64) -> Option<String> {
        read(client, |end| end.cause.as_str().to_owned())
    }

    pub(crate) fn code(client: u64) -> Option<u16> {
        read(client, |end| end.code)
    }

    pub(crate) fn reason(client: u64) -> Option<String> {
        read(client, |end| end.reason.clone())
    }

    pub(crate) fn clean(client: u64) -> bool {
        read(client, |end| end.is_clean).unwrap_or(false)
    }

    pub(crate) fn sent_code(client: u64) -> Option<u16> {
        read(client, |end| end.sent_code).flatten()
    }

    fn read<T>(client: u64, read: impl FnOnce(&End) -> T) -> Option<T> {
        with(|fake| match &fake.event.disconnecting {
            Some((disconnecting, end)) if *disconnecting == client => Some(read(end)),
            _ => None,
        })
    }
}

pub(crate) mod log {
    use crate::testing::current::try_with;

    /// Writes a log line. A line from outside an event belongs to no host, and is discarded.
    pub(crate) fn write(level: &str, message: &str) {
        try_with(|fake| fake.write_log(level, message));
    }
}

pub(crate) mod state {
    use crate::testing::current::with;

    pub(crate) fn reason() -> Option<String> {
        with(|fake| fake.event.state.as_ref().map(|state| state.reason.as_str().to_owned()))
    }

    pub(crate) fn age() -> Option<u64> {
        let age = with(|fake| fake.event.state.as_ref().and_then(|state| state.age));
        age.map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX))
    }
}

pub(crate) mod timers {
    use std::time::Duration;

    use crate::testing::current::with;
    use crate::testing::time::{MAX_TIME, MIN_TIME};

    const MAX_TIMERS: usize = 1024;

    pub(crate) fn set(timer: u64, after: u64) -> Result<(), String> {
        let after = Duration::from_millis(after).clamp(MIN_TIME, MAX_TIME);
        with(|fake| {
            fake.timers.remove(&timer);
            if fake.timers.len() >= MAX_TIMERS {
                return Err("too-many".to_owned());
            }
            fake.timers.insert(timer, fake.now + after);
            Ok(())
        })
    }

    /// Sets a durable timer. A test never restarts the host, so a durable timer is like any other timer.
    pub(crate) fn set_durable(timer: u64, after: u64) -> Result<(), String> {
        set(timer, after)
    }

    pub(crate) fn cancel(timer: u64) -> bool {
        with(|fake| fake.timers.remove(&timer).is_some())
    }
}

//! The interface `expiry`.

use std::time::Duration;

use super::{Outcome, word};
use crate::testing::current::with;
use crate::testing::fake_client::Expiry;
use crate::testing::time::{MAX_TIME, MIN_TIME};

pub(crate) fn expire(client: u64, after: u64, notice: u64) -> Outcome {
    let after = Duration::from_millis(after).clamp(MIN_TIME, MAX_TIME);
    let notice = Duration::from_millis(notice);
    with(|fake| {
        let now = fake.now;
        let Some(client) = fake.open(client) else { return Err(word("closed")) };
        let notice_after = after.saturating_sub(notice).max(MIN_TIME);
        let notice = (!notice.is_zero()).then_some(now + notice_after);
        client.expiry = Some(Expiry { deadline: now + after, notice });
        Ok(())
    })
}

pub(crate) fn keep(client: u64) -> bool {
    with(|fake| fake.open(client).is_some_and(|client| client.expiry.take().is_some()))
}

pub(crate) fn remaining(client: u64) -> Option<u64> {
    with(|fake| {
        let now = fake.now;
        let expiry = fake.open(client)?.expiry?;
        u64::try_from(expiry.deadline.saturating_sub(now).as_millis()).ok()
    })
}

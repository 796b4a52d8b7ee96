//! What a subscriber must receive.

use std::collections::VecDeque;

use anyhow::{Context, Result, ensure};

use super::{Around, DIGITS, MOST_AHEAD, Order};

/// Frames that differ only in the number of the message. Each number must come once.
pub(super) struct Expected {
    /// The frame that comes, with the digits that have come.
    frame: Vec<u8>,
    /// Where the number begins.
    digits: usize,
    /// How much of the frame has come.
    received: usize,
    order: Order,
    /// The first message that has not come.
    next: u64,
    /// Whether `next` and the messages after it have come.
    came: VecDeque<bool>,
}

impl Expected {
    pub(super) fn new(around: &Around, order: Order) -> Self {
        let payload = around.payload(0);
        let length = u8::try_from(payload.len()).ok().filter(|length| *length < 126);
        let header = [0x81, length.expect("a message is short")];
        let digits = header.len() + around.before.len();
        let frame = [&header, payload.as_bytes()].concat();
        Self { frame, digits, received: 0, order, next: 0, came: VecDeque::new() }
    }

    /// Compares every byte that has come, and adds the numbers of complete messages.
    pub(super) fn receive(&mut self, mut bytes: &[u8], numbers: &mut Vec<u64>) -> Result<()> {
        while !bytes.is_empty() {
            let rest = &mut self.frame[self.received..];
            let (now, later) = bytes.split_at(bytes.len().min(rest.len()));
            let rest = &mut rest[..now.len()];
            let [from, to] = [self.digits, self.digits + DIGITS]
                .map(|index| index.saturating_sub(self.received).min(now.len()));
            rest[from..to].copy_from_slice(&now[from..to]);
            ensure!(
                rest == now,
                "expected {:?}, and got {:?}",
                String::from_utf8_lossy(rest),
                String::from_utf8_lossy(now)
            );
            self.received += now.len();
            bytes = later;
            if self.received == self.frame.len() {
                self.received = 0;
                numbers.push(self.complete()?);
            }
        }
        Ok(())
    }

    /// Checks the number of a complete frame, and returns it.
    fn complete(&mut self) -> Result<u64> {
        let digits = &self.frame[self.digits..][..DIGITS];
        let number = number(digits).with_context(|| format!("got the number {digits:?}"))?;
        let ahead = number.checked_sub(self.next).filter(|ahead| match self.order {
            Order::AsPublished => *ahead == 0,
            // The publisher is never further ahead.
            Order::Any => *ahead < MOST_AHEAD,
        });
        if ahead == Some(0) && self.came.is_empty() {
            // The usual case, for which the load generator should need little time.
            self.next += 1;
            return Ok(number);
        }
        let is_new = ahead.is_some_and(|ahead| {
            let index = ahead as usize;
            self.came.resize(self.came.len().max(index + 1), false);
            !std::mem::replace(&mut self.came[index], true)
        });
        ensure!(
            is_new,
            "got message {number}, and {} had not come: a message is missing or came twice",
            self.next
        );
        while let Some(true) = self.came.front() {
            self.came.pop_front();
            self.next += 1;
        }
        Ok(number)
    }
}

/// Returns the number that these decimal digits write.
fn number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |number, digit| {
        digit.is_ascii_digit().then(|| number * 10 + u64::from(digit - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around() -> Around {
        Around { before: "[".into(), after: "]".into() }
    }

    fn frames(numbers: impl IntoIterator<Item = u64>) -> Vec<u8> {
        let around = around();
        let frame = |number| [&[0x81, 66], around.payload(number).as_bytes()].concat();
        numbers.into_iter().flat_map(frame).collect()
    }

    fn received(order: Order, numbers: impl IntoIterator<Item = u64>) -> Result<Vec<u64>> {
        let mut expected = Expected::new(&around(), order);
        let mut received = Vec::new();
        // In pieces that end anywhere.
        for piece in frames(numbers).chunks(7) {
            expected.receive(piece, &mut received)?;
        }
        Ok(received)
    }

    #[test]
    fn messages_in_order_are_counted_if_each_comes_once_and_in_order() {
        let numbers = received(Order::AsPublished, 0..1001).unwrap();
        assert_eq!(numbers, Vec::from_iter(0..1001));
        for wrong in [vec![1], vec![0, 0], vec![0, 2], vec![0, 1, 3, 2]] {
            let error = received(Order::AsPublished, wrong.clone()).unwrap_err().to_string();
            assert!(error.contains("is missing or came twice"), "{wrong:?}: {error}");
        }
    }

    #[test]
    fn messages_in_any_order_are_counted_if_each_comes_once() {
        let numbers = [3, 0, 1, 2, 5, 4, 999 + 6, 6];
        assert_eq!(received(Order::Any, numbers).unwrap(), numbers);
        for wrong in [vec![0, 0], vec![2, 2], vec![1, 0, 1], vec![1000], vec![0, 1001]] {
            let error = received(Order::Any, wrong.clone()).unwrap_err().to_string();
            assert!(error.contains("is missing or came twice"), "{wrong:?}: {error}");
        }
    }

    #[test]
    fn every_byte_is_compared() {
        let right = frames([0]);
        for (index, byte) in
            (0..right.len()).flat_map(|index| (0..=u8::MAX).map(move |byte| (index, byte)))
        {
            if byte == right[index] {
                continue;
            }
            let mut wrong = right.clone();
            wrong[index] = byte;
            let fails =
                |order| Expected::new(&around(), order).receive(&wrong, &mut Vec::new()).is_err();
            assert!(fails(Order::AsPublished), "byte {index} is {byte}");
            // With other digits, it is another message.
            assert!(byte.is_ascii_digit() || fails(Order::Any), "byte {index} is {byte}");
        }
    }
}

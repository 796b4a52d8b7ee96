//! The host whose event is running on this thread.

use std::cell::RefCell;
use std::rc::Rc;

use super::fake::Fake;

thread_local! {
    static CURRENT: RefCell<Option<Rc<RefCell<Fake>>>> = const { RefCell::new(None) };
}

/// Makes a host the current one, until this value is dropped.
pub(super) struct Running(Option<Rc<RefCell<Fake>>>);

impl Running {
    pub(super) fn new(fake: &Rc<RefCell<Fake>>) -> Self {
        Self(CURRENT.replace(Some(Rc::clone(fake))))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}

/// Calls the current host.
///
/// # Panics
///
/// Panics if no event is running on this thread.
#[track_caller]
pub(super) fn with<T>(act: impl FnOnce(&mut Fake) -> T) -> T {
    let current = CURRENT.with_borrow(Clone::clone);
    let fake = current.expect(
        "a function of the host was called outside an event. Call the handler through a `TestHost`, on the thread of \
         the test; `TestHost::with_handler` runs code as if it were an event",
    );
    act(&mut fake.borrow_mut())
}

/// Calls the current host, if an event is running on this thread.
pub(super) fn try_with(act: impl FnOnce(&mut Fake)) {
    if let Some(fake) = CURRENT.with_borrow(Clone::clone) {
        act(&mut fake.borrow_mut());
    }
}

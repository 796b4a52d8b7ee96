//! An error and its causes as text.

use std::error::Error;
use std::io::ErrorKind;

/// Returns the message of an error, followed by the messages of its causes.
pub fn with_causes(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// Returns the message of the last cause, or that of the error itself if it has no cause. In the errors of an HTTP
/// client, the last cause is the most specific one. The others only say which parts of the client the error passed
/// through.
pub fn last_cause(error: &dyn Error) -> String {
    let mut last = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    last.to_string()
}

/// Returns ` as the user with ID N` if an operation failed because this user lacks a permission. Otherwise returns an
/// empty string. A service often runs as a different user than the operator.
pub(crate) fn as_user(cause: &std::io::Error) -> String {
    match cause.kind() {
        ErrorKind::PermissionDenied => {
            format!(" as the user with ID {}", rustix::process::geteuid().as_raw())
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_is_named_if_a_permission_is_missing() {
        let user = rustix::process::geteuid().as_raw();
        let denied = as_user(&ErrorKind::PermissionDenied.into());
        assert_eq!(denied, format!(" as the user with ID {user}"));
        assert_eq!(as_user(&ErrorKind::NotFound.into()), "");
    }

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Failure(&'static str, #[source] Option<Box<Failure>>);

    #[test]
    fn causes_follow_their_error() {
        let refused = Failure("refused", None);
        assert_eq!([with_causes(&refused), last_cause(&refused)], ["refused", "refused"]);
        let connect = Failure("cannot connect", Some(refused.into()));
        let request = Failure("no response", Some(connect.into()));
        assert_eq!(with_causes(&request), "no response: cannot connect: refused");
        assert_eq!(last_cause(&request), "refused");
    }
}

//! The thread that starts every server process.
//!
//! The kernel sends the death signal of `setpriv --pdeathsig` when the *thread* that started the
//! process ends. Tests have threads of their own that come and go; this one stays until the
//! process ends.

use std::io;
use std::process::{Child, Command};
use std::sync::{LazyLock, mpsc};
use std::thread;

struct Order {
    command: Command,
    reply: mpsc::SyncSender<io::Result<Child>>,
}

static KEEPER: LazyLock<mpsc::Sender<Order>> = LazyLock::new(|| {
    let (orders, incoming) = mpsc::channel::<Order>();
    thread::Builder::new()
        .name("wellspring-servers".to_owned())
        .spawn(move || {
            for mut order in incoming {
                let child = order.command.spawn();
                if let Err(mpsc::SendError(Ok(mut child))) = order.reply.send(child) {
                    // Nobody is there to own it: its starter was torn down while it waited.
                    if let Err(error) = child.kill().and_then(|()| child.wait()) {
                        eprintln!("note: process {} stays behind: {error}", child.id());
                    }
                }
            }
        })
        .expect("the system has room for one more thread");
    orders
});

/// Starts `command` from the keeper's thread.
pub(super) fn spawn(command: Command) -> io::Result<Child> {
    let (reply, answer) = mpsc::sync_channel(1);
    KEEPER.send(Order { command, reply }).expect("the keeper lives as long as the process");
    answer.recv().expect("the keeper answers every order")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_start_and_failures_come_back() {
        let mut command = Command::new("sh");
        command.args(["-c", "exit 7"]);
        let status = spawn(command).unwrap().wait().unwrap();
        assert_eq!(status.code(), Some(7));
        let error = spawn(Command::new("no-such-program-anywhere")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}

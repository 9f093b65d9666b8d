//! Messages on a socket: how long each is, its bytes, and at most one file descriptor.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};
use serde::{Deserialize, Serialize};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// The most bytes of a message. What is larger lies in sealed memory.
pub const MAX_BYTES: usize = 64 << 20;

/// How often [`Patience`] is asked at least while a side waits.
const EVERY: Timespec = Timespec { tv_sec: 0, tv_nsec: 10_000_000 };

/// Decides, while one side waits for the other, whether it goes on waiting: none waits for ever.
pub type Patience<'a> = Option<&'a mut dyn FnMut() -> io::Result<()>>;

/// What follows a message: values as bytes, and the memory that they refer to.
#[derive(Debug, Default)]
pub struct Payload {
    pub bytes: Vec<u8>,
    pub memory: Option<OwnedFd>,
}

/// Sends a message and what follows it.
///
/// # Errors
/// If it is too long ([`is_too_long`], and nothing was sent), the other side is gone, or patience ends.
pub fn send(socket: impl AsFd, message: &impl Serialize, payload: &Payload, mut patience: Patience) -> io::Result<()> {
    let mut bytes = vec![0; 4];
    postcard::to_io(message, &mut bytes).map_err(io::Error::other)?;
    bytes.extend_from_slice(&payload.bytes);
    let length = bytes.len() - 4;
    let too_long = || {
        let message = format!("a message of {length} bytes; expected at most {MAX_BYTES}");
        io::Error::new(io::ErrorKind::FileTooLarge, message)
    };
    let header = u32::try_from(length).ok().filter(|_| length <= MAX_BYTES).ok_or_else(too_long)?;
    bytes[..4].copy_from_slice(&header.to_le_bytes());
    // The descriptor goes with the first byte.
    let (mut sent, mut memory) = (0, payload.memory.as_ref());
    while sent < bytes.len() {
        ask(&mut patience)?;
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        let descriptor = memory.map(|memory| [memory.as_fd()]);
        if let Some(descriptor) = &descriptor {
            ancillary.push(SendAncillaryMessage::ScmRights(descriptor));
        }
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        match sendmsg(socket.as_fd(), &[IoSlice::new(&bytes[sent..])], &mut ancillary, flags) {
            Ok(more) => (sent, memory) = (sent + more, None),
            Err(Errno::AGAIN) => wait(socket.as_fd(), PollFlags::OUT, patience.is_some())?,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Receives a message and what follows it.
///
/// # Errors
/// If it is too long or none, the other side is gone ([`io::ErrorKind::UnexpectedEof`]), or patience ends.
pub fn receive<M: for<'a> Deserialize<'a>>(socket: impl AsFd, mut patience: Patience) -> io::Result<(M, Payload)> {
    let (mut header, mut memory) = ([0; 4], None);
    fill(socket.as_fd(), &mut header, &mut memory, &mut patience)?;
    let length = u32::from_le_bytes(header) as usize;
    if length > MAX_BYTES {
        return Err(io::Error::other(format!("a message of {length} bytes; expected at most {MAX_BYTES}")));
    }
    let mut bytes = vec![0; length];
    fill(socket.as_fd(), &mut bytes, &mut memory, &mut patience)?;
    let (message, rest) = postcard::take_from_bytes(&bytes).map_err(io::Error::other)?;
    let rest = bytes.len() - rest.len();
    bytes.drain(..rest);
    Ok((message, Payload { bytes, memory }))
}

/// Whether an error means that the other side is gone.
pub fn is_closed(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}

/// Whether an error means that a message was too long to be sent.
pub fn is_too_long(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::FileTooLarge
}

fn fill(socket: BorrowedFd, bytes: &mut [u8], memory: &mut Option<OwnedFd>, patience: &mut Patience) -> io::Result<()> {
    let mut filled = 0;
    while filled < bytes.len() {
        ask(patience)?;
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
        match recvmsg(socket, &mut [IoSliceMut::new(&mut bytes[filled..])], &mut ancillary, flags) {
            Ok(received) if received.bytes == 0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(received) => {
                filled += received.bytes;
                for message in ancillary.drain() {
                    if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                        // The last one counts, and the others are closed.
                        *memory = descriptors.last().or(memory.take());
                    }
                }
            }
            Err(Errno::AGAIN) => wait(socket, PollFlags::IN, patience.is_some())?,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn ask(patience: &mut Patience) -> io::Result<()> {
    patience.as_mut().map_or(Ok(()), |patience| patience())
}

/// Waits until the socket can be used; not for long if somebody may lose patience.
fn wait(socket: BorrowedFd, event: PollFlags, is_bounded: bool) -> io::Result<()> {
    match poll(&mut [PollFd::from_borrowed_fd(socket, event)], is_bounded.then_some(&EVERY)) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    #[test]
    fn a_message_arrives_with_what_follows_it() {
        let (one, other) = UnixStream::pair().unwrap();
        let memory = Some(std::fs::File::open("/dev/null").unwrap().into());
        send(&one, &(7u32, "seven"), &Payload { bytes: vec![1, 2, 3], memory }, None).unwrap();
        let (message, payload) = receive::<(u32, String)>(&other, None).unwrap();
        assert_eq!((message, payload.bytes), ((7, "seven".to_owned()), vec![1, 2, 3]));
        assert!(payload.memory.is_some());
        drop(one);
        assert_eq!(receive::<u32>(&other, None).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn what_is_no_message_is_an_error() {
        let (mut one, other) = UnixStream::pair().unwrap();
        one.write_all(&u32::MAX.to_le_bytes()).unwrap();
        let error = receive::<u32>(&other, None).unwrap_err().to_string();
        assert_eq!(error, "a message of 4294967295 bytes; expected at most 67108864");
        one.write_all(&[1, 0, 0, 0, 0xff]).unwrap();
        assert!(receive::<u32>(&other, None).is_err());
        let long = Payload { bytes: vec![0; MAX_BYTES], memory: None };
        assert!(is_too_long(&send(&one, &0u8, &long, None).unwrap_err()));
    }

    #[test]
    fn patience_ends_waiting() {
        let (one, _other) = UnixStream::pair().unwrap();
        let mut patience = || Err(io::ErrorKind::TimedOut.into());
        let error = receive::<u32>(&one, Some(&mut patience)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        // Nobody reads, so that the socket is full at some time.
        let large = Payload { bytes: vec![0; 8 << 20], memory: None };
        assert_eq!(send(&one, &0u8, &large, Some(&mut patience)).unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}

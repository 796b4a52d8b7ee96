//! Input that a peer must not send, and the limits on input.

use flate2::{Compress, Compression, FlushCompress};

use super::*;
use crate::ProtocolError::{self, *};
use crate::frame::{Fin, Header, Opcode, RSV1};

/// Asserts that these bytes from a server fail its client with this error, whether they arrive at once or byte by byte.
#[track_caller]
fn fails_with(settings: Deflate, limit: usize, bytes: &[u8], error: ProtocolError) {
    for size in [1, bytes.len()] {
        let mut client = End::inflating(settings, limit);
        for piece in bytes.chunks(size) {
            client.receives(piece);
        }
        assert_eq!(client.events, [Event::Failed(error)], "in pieces of {size}");
        let code = error.close_code().number().to_be_bytes();
        let written = client.writes();
        let payload: Vec<u8> =
            written[6..].iter().zip(written[2..6].iter().cycle()).map(|(a, b)| a ^ b).collect();
        assert_eq!(payload[..2], code);
    }
}

#[track_caller]
fn fails(bytes: &str, error: ProtocolError) {
    for settings in [Deflate::default(), Deflate::with_context_takeover()] {
        fails_with(settings, 1000, &hex(bytes), error);
    }
}

/// Returns a server's binary message in one frame with RSV1.
fn frame(payload: &[u8]) -> Vec<u8> {
    let length = payload.len() as u64;
    let header =
        Header { fin: Fin::Last, reserved: RSV1, opcode: Opcode::Binary, mask: None, length };
    let mut frame = Vec::new();
    header.encode(&mut frame);
    frame.extend(payload);
    frame
}

fn compress(compressor: &mut Compress, bytes: &[u8], flush: FlushCompress) -> Vec<u8> {
    let mut output = Vec::with_capacity(bytes.len() + 1000);
    compressor.compress_vec(bytes, &mut output, flush).expect("it compresses");
    output
}

#[test]
fn compression_bit_is_allowed_only_on_the_first_frame() {
    fails("41 03 f2 48 cd c0 04 c9 c9 07 00", ReservedBits(0b100));
    fails("01 01 61 c0 00", ReservedBits(0b100));
    fails("c9 00", ReservedBits(0b100));
    fails("c8 00", ReservedBits(0b100));
}

#[test]
fn other_reserved_bits_stay_reserved() {
    fails("e1 07 f2 48 cd c9 c9 07 00", ReservedBits(0b110));
    fails("91 00", ReservedBits(0b001));
}

#[test]
fn compressed_message_that_was_not_negotiated_fails() {
    let mut client = End::client();
    client.receives_hex("c1 07 f2 48 cd c9 c9 07 00");
    assert_eq!(client.events, [Event::Failed(ReservedBits(0b100))]);
}

#[test]
fn block_of_the_reserved_type_fails() {
    fails("c1 02 06 00", InvalidDeflate);
}

#[test]
fn length_that_does_not_match_its_complement_fails() {
    fails("c1 0b 00 05 00 fb ff 48 65 6c 6c 6f 00", InvalidDeflate);
}

#[test]
fn reference_before_the_beginning_fails() {
    fails("c1 05 f2 00 11 00 00", InvalidDeflate);
}

/// Returns the frames of a message that is sent twice. The second frame is a reference to the first.
fn repeated(message: &[u8]) -> [Vec<u8>; 2] {
    let mut compressor = Compress::new(Compression::fast(), false);
    [(); 2].map(|()| {
        let mut deflated = compress(&mut compressor, message, FlushCompress::Sync);
        deflated.truncate(deflated.len() - 4);
        frame(&deflated)
    })
}

#[test]
fn reference_to_an_earlier_message_is_reported_as_such() {
    let message: Vec<u8> = (0..=255).collect();
    let [first, second] = repeated(&message);
    let error = EarlierMessage("server_no_context_takeover");
    for size in [1, second.len()] {
        let mut client = End::inflating(Deflate::default(), 1000);
        client.receives(&first);
        for piece in second.chunks(size) {
            client.receives(piece);
        }
        assert_eq!(client.events, [binary(&message), Event::Failed(error)]);
    }
    // The message refers to an earlier one, but there is none.
    fails_with(Deflate::default(), 1000, &second, InvalidDeflate);
    fails_with(Deflate::with_context_takeover(), 1000, &second, InvalidDeflate);
    // A stream that begins inside a message cannot refer to earlier data, with or without context takeover.
    let after_a_last_block = frame(&[&[0x03, 0x00][..], &second[4..]].concat());
    for settings in [Deflate::default(), Deflate::with_context_takeover()] {
        let mut client = End::inflating(settings, 1000);
        client.receives(&first).receives(&after_a_last_block);
        assert_eq!(client.events, [binary(&message), Event::Failed(InvalidDeflate)]);
    }
    assert!(
        error.to_string().len() <= crate::MAX_CLOSE_REASON,
        "the error must fit into a close reason"
    );
}

#[test]
fn long_reference_to_an_earlier_message_is_reported_as_such() {
    let message: Vec<u8> =
        (0..200_u32).flat_map(|number| (number * number).to_string().into_bytes()).collect();
    let [first, second] = repeated(&message);
    for size in [1, 20, 100, second.len()] {
        let mut client = End::inflating(Deflate::default(), 1000);
        client.receives(&first);
        for piece in second.chunks(size) {
            client.receives(piece);
        }
        let failed = Event::Failed(EarlierMessage("server_no_context_takeover"));
        assert_eq!(client.events, [binary(&message), failed], "in pieces of {size}");
    }
}

#[test]
fn server_names_the_parameter_that_its_client_violated() {
    let message: Vec<u8> = (0..=255).cycle().take(600).collect();
    let takeover = Deflate::with_context_takeover();
    let (mut client, mut server) = (End::client(), End::server());
    client.use_deflate(&negotiate(takeover, &takeover).0);
    server.use_deflate(&negotiate(takeover, &Deflate::default()).1);
    for _ in 0..2 {
        client.outbound.send_binary(&message).expect("there is room");
        server.receives(&client.writes());
    }
    let failed = Event::Failed(EarlierMessage("client_no_context_takeover"));
    assert_eq!(server.events, [binary(&message), failed]);
}

#[test]
fn truncated_message_after_others_is_reported_as_such() {
    let message: Vec<u8> = (0..=255).collect();
    let [first, _] = repeated(&message);
    let mut client = End::inflating(Deflate::default(), 1000);
    client.receives(&first).receives_hex("c1 05 f2 48 cd c9 c9");
    assert_eq!(client.events, [binary(&message), Event::Failed(InvalidDeflate)]);
}

#[test]
fn kept_window_resolves_forbidden_references() {
    let settings = Deflate { keep_window: KeepWindow::Always, ..Deflate::default() };
    let message: Vec<u8> = (0..=255).collect();
    let [first, second] = repeated(&message);
    let mut client = End::inflating(settings, 1000);
    client.receives(&first).receives(&second).receives(&first);
    assert_eq!(client.events, [binary(&message), binary(&message), binary(&message)]);
    // According to the negotiation, there is still no context takeover.
    let agreed = negotiate(Deflate::with_context_takeover(), &settings).1;
    assert_eq!(agreed.incoming(), NO_TAKEOVER);
}

#[test]
fn message_truncated_anywhere_fails() {
    // Messages, each with those of its prefixes that are valid messages themselves.
    for (whole, right) in [
        ("f2 48 cd c9 c9 07 00", &[][..]),
        ("00 05 00 fa ff 48 65 6c 6c 6f 00", &["00"]),
        ("f2 48 05 00 00 00 ff ff ca c9 c9 07 00", &["f2 48 05 00"]),
    ] {
        let whole = hex(whole);
        let right: Vec<_> = right.iter().map(|right| hex(right)).collect();
        let cuts = (1..whole.len()).map(|length| whole[..length].to_vec());
        for cut in cuts.filter(|cut| !right.contains(cut)) {
            let settings = Deflate::with_context_takeover();
            fails_with(settings, 1000, &frame(&cut), InvalidDeflate);
        }
    }
}

#[test]
fn truncated_messages_with_dynamic_codes_fail() {
    let words: Vec<u8> =
        (0..3000_u32).flat_map(|number| (number * number).to_string().into_bytes()).collect();
    let mut compressor = Compress::new(Compression::best(), false);
    let whole = compress(&mut compressor, &words, FlushCompress::Sync);
    let whole = &whole[..whole.len() - 4];
    for length in (1..whole.len() - 1).step_by(7) {
        let mut client = End::inflating(Deflate::default(), 1 << 20);
        client.receives(&frame(&whole[..length]));
        assert_eq!(client.events, [Event::Failed(InvalidDeflate)], "cut at {length}");
    }
}

#[test]
fn text_that_is_not_utf8_fails_before_the_message_is_whole() {
    // An uncompressed block of three bytes. The second byte is invalid, and the last frame of the message is missing.
    fails("41 08 00 03 00 fc ff 61 c0 61", InvalidUtf8);
    // An incomplete character at the end.
    fails("c1 07 00 01 00 fe ff e4 00", InvalidUtf8);
}

#[test]
fn message_of_exactly_the_limit_is_accepted_and_one_byte_more_is_not() {
    for bytes in [1000, 1001] {
        let mut compressor = Compress::new(Compression::fast(), false);
        let message = vec![7; bytes];
        let mut deflated = compress(&mut compressor, &message, FlushCompress::Sync);
        deflated.truncate(deflated.len() - 4);
        if bytes == 1000 {
            let mut client = End::inflating(Deflate::default(), 1000);
            client.receives(&frame(&deflated));
            assert_eq!(client.events, [binary(&message)]);
        } else {
            let error = MessageTooLong { limit: 1000 };
            fails_with(Deflate::default(), 1000, &frame(&deflated), error);
        }
    }
}

#[test]
fn bomb_fails_when_the_limit_is_reached() {
    const MIB: usize = 1 << 20;
    let mut compressor = Compress::new(Compression::best(), false);
    let piece = compress(&mut compressor, &vec![0; MIB], FlushCompress::Full);
    let bomb = frame(&piece.repeat(1024));
    assert!(bomb.len() < 3 * MIB / 2, "1 GiB from {} bytes", bomb.len());
    for settings in [Deflate::default(), Deflate::with_context_takeover()] {
        let mut client = End::inflating(settings, MIB);
        client.receives(&bomb);
        assert_eq!(client.events, [Event::Failed(MessageTooLong { limit: MIB })]);
        // The limit applies to all fragments together.
        let mut client = End::inflating(settings, 3 * MIB / 2);
        client.receives(&hex("42 7e")).receives(&(piece.len() as u16).to_be_bytes());
        client.receives(&piece).receives(&hex("00 7e"));
        client.receives(&(piece.len() as u16).to_be_bytes()).receives(&piece);
        assert_eq!(client.events, [Event::Failed(MessageTooLong { limit: 3 * MIB / 2 })]);
    }
}

#[test]
fn message_that_inflates_to_nothing_is_limited() {
    // Empty uncompressed blocks, in one frame and in fragments.
    let limit = 1000;
    let longest = 2 * limit + 1024;
    let error = MessageTooLong { limit };
    fails_with(Deflate::default(), limit, &hex("c2 7e 0b d1"), error);
    let mut client = End::inflating(Deflate::default(), limit);
    client.receives(&hex("42 05 00 00 00 ff ff"));
    for _ in 0..longest / 5 - 1 {
        client.receives(&hex("00 05 00 00 00 ff ff"));
    }
    assert_eq!(client.events, []);
    client.receives(&hex("00 05"));
    assert_eq!(client.events, [Event::Failed(error)]);
}

#[test]
fn number_of_streams_in_a_message_is_limited() {
    let streams = |count| {
        let mut client = End::inflating(Deflate::default(), 1000);
        client.receives(&frame(&hex("03 00").repeat(count)));
        client.events
    };
    assert_eq!(streams(64), [binary(b"")]);
    assert_eq!(streams(65), [Event::Failed(InvalidDeflate)]);
}

#[test]
fn messages_are_not_inflated_while_closing() {
    let mut client = End::inflating(Deflate::default(), 1000);
    client.outbound.close(None).expect("it is open");
    // The payload is not even valid DEFLATE.
    client.receives_hex("c1 02 06 00 88 00");
    assert_eq!(client.events, [Event::Closed(None)]);
    // The connection begins to close in the middle of a message.
    let mut client = End::inflating(Deflate::default(), 1000);
    client.receives_hex("41 03 f2 48 cd");
    client.outbound.close(None).expect("it is open");
    client.receives_hex("80 02 06 06 88 00");
    assert_eq!(client.events, [Event::Closed(None)]);
}

#[test]
fn random_bytes_never_panic() {
    let mut numbers = Numbers(0x2545_f491_4f6c_dd1d);
    for _ in 0..2000 {
        let length = numbers.below(200);
        let bytes = numbers.noise(length);
        let mut client = End::inflating(Deflate::with_context_takeover(), 500);
        client.receives(&frame(&bytes)).receives_hex("c1 07 f2 48 cd c9 c9 07 00");
        for event in &client.events {
            if let Event::Binary(bytes) = event {
                assert!(bytes.len() <= 500);
            }
        }
    }
}

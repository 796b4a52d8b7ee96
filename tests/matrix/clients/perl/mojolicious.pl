# The WebSocket client Mojo::UserAgent of Mojolicious: `perl mojolicious.pl PLAN`.
use v5.32;
use warnings;
use utf8;

use Encode qw(encode);
use Mojo::IOLoop;
use Mojo::JSON qw(decode_json encode_json);
use Mojolicious;
use Mojo::UserAgent;

my $phrase = 'grüße, 世界, 🦀 ';
# Arguments are bytes, as decode_json expects.
my $plan = decode_json($ARGV[0]);
my $agent = Mojo::UserAgent->new(ca => $plan->{authority}, max_response_size => 1 << 22);
STDOUT->autoflush(1);

sub text_of {
    my $size = shift;
    my $length = length encode('UTF-8', $phrase);
    return $phrase x int($size / $length) . 'x' x ($size % $length);
}

sub bytes_of { return join '', map { chr($_ * 31 & 0xff) } 0 .. $_[0] - 1 }

# Opens a WebSocket. Received messages are stored as [kind, content], and its end as [code, reason].
sub dial {
    my ($url, @subprotocols) = @_;
    my $socket = {messages => []};
    # Mojolicious compresses if this header is set.
    my $headers = {'Sec-WebSocket-Extensions' => 'permessage-deflate'};
    $agent->websocket($url, $headers, \@subprotocols, sub {
        my ($agent, $transaction) = @_;
        return $socket->{refused} = 'refused' unless $transaction->is_websocket;
        $socket->{transaction} = $transaction;
        # The largest message of the plan exceeds the default limit.
        $transaction->max_websocket_size(1 << 21);
        $transaction->on(text => sub { push @{$socket->{messages}}, [text => Encode::decode('UTF-8', $_[1])] });
        $transaction->on(binary => sub { push @{$socket->{messages}}, [binary => $_[1]] });
        $transaction->on(finish => sub { $socket->{end} = [$_[1], $_[2] // ''] });
    });
    wait_for(sub { $socket->{transaction} || $socket->{refused} });
    die "$socket->{refused}\n" if $socket->{refused};
    return $socket;
}

sub wait_for {
    my $holds = shift;
    Mojo::IOLoop->one_tick until $holds->();
}

sub receive {
    my $socket = shift;
    wait_for(sub { @{$socket->{messages}} || $socket->{end} });
    my $message = shift @{$socket->{messages}};
    die "closed with $socket->{end}[0]\n" unless $message;
    return $message;
}

sub expect {
    my ($socket, $kind, $content) = @_;
    my $message = receive($socket);
    my ($got, $expected) = (length $message->[1], length $content);
    die "expected $kind of length $expected, got $message->[0] of length $got\n"
        unless $message->[0] eq $kind && $message->[1] eq $content;
}

sub echoes {
    my ($socket, $kind, $content) = @_;
    $socket->{transaction}->send({$kind => $kind eq 'text' ? encode('UTF-8', $content) : $content});
    expect($socket, $kind, $content);
}

sub leave {
    my ($socket, $code, $reason) = @_;
    $socket->{transaction}->finish($code, $reason);
    wait_for(sub { $socket->{end} });
    die "$code was answered with $socket->{end}[0]\n" unless $socket->{end}[0] == $code;
}

sub compressed {
    my $socket = dial(shift);
    my $transaction = $socket->{transaction};
    $transaction->send({text => 'request'});
    my $request = receive($socket)->[1];
    echoes($socket, text => "$_ " . text_of(300 * $_)) for 0 .. 19;
    echoes($socket, text => text_of(200000));
    echoes($socket, text => 'short');
    my $is_compressed = $transaction->compressed;
    leave($socket, 1000, '');
    return 'offers no compression and is served uncompressed' unless $request =~ /sec-websocket-extensions/;
    die "compression was not negotiated\n" unless $is_compressed;
}

my %scenarios = (
    text => sub {
        my $socket = dial(shift);
        echoes($socket, text => text_of($_)) for @{$plan->{sizes}};
        leave($socket, 1000, '');
    },
    binary => sub {
        my $socket = dial(shift);
        echoes($socket, binary => bytes_of($_)) for @{$plan->{sizes}};
        leave($socket, 1000, '');
    },
    'in flight' => sub {
        my $socket = dial(shift);
        my @sent = map { "$_ " . text_of($_ * 7 % 300) } 0 .. 499;
        $socket->{transaction}->send({text => encode('UTF-8', $_)}) for @sent;
        expect($socket, text => $_) for @sent;
        leave($socket, 1000, '');
    },
    subprotocol => sub {
        my $socket = dial(shift, 'first.v1', 'second.v2');
        my $chosen = $socket->{transaction}->protocol // 'none';
        die "the chosen subprotocol is $chosen\n" unless $chosen eq 'second.v2';
        expect($socket, text => 'welcome');
        leave($socket, 1000, '');
    },
    ping => sub {
        my $socket = dial(shift);
        $socket->{transaction}->send({text => 'are you there?'});
        expect($socket, text => 'pong are you there?');
        leave($socket, 1000, '');
    },
    'client closes' => sub { leave(dial(shift), 4001, 'enough 🦀') },
    'server closes' => sub {
        my $socket = dial(shift);
        $socket->{transaction}->send({text => encode('UTF-8', 'close 4002 not today 🦀')});
        wait_for(sub { $socket->{end} });
        my ($code, $reason) = @{$socket->{end}};
        die "closed with $code $reason\n" unless $code == 4002 && $reason eq 'not today 🦀';
    },
    refused => sub {
        my $url = shift;
        die "opened although the server refuses it\n" if eval { dial($url) };
    },
    compressed => \&compressed,
    'compressed with context' => \&compressed,
    wss => sub {
        my $socket = dial(shift);
        for my $size (1, 126, 65536, 300000) {
            echoes($socket, text => text_of($size));
            echoes($socket, binary => bytes_of($size));
        }
        leave($socket, 1000, '');
    },
);

say encode_json({version => Mojolicious->VERSION});
for my $name (@{$plan->{scenarios}}) {
    my ($outcome, $why) = ('passed', '');
    # If a scenario returns a text, it is the reason why it does not apply.
    my $returned = eval { $scenarios{$name}->($plan->{urls}{$name}) };
    if ($@) { ($outcome, $why) = ('failed', $@) }
    elsif (($returned // '') =~ /^offers/) { ($outcome, $why) = ('not applicable', $returned) }
    say encode_json({scenario => $name, outcome => $outcome, why => $why});
}

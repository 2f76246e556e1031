# Fetches a mailbox with Mail::POP3Client:
# mail_pop3client.pl FORM PORT CA USER PASSWORD FILE PATIENCE [APOP|CRAM-MD5]
use strict;
use warnings;
use IO::Socket::INET;
use IO::Socket::SSL;
use Mail::POP3Client;

my ($form, $port, $ca, $user, $password, $file, $patience, $mechanism) = @ARGV;
my %tls = (SSL_ca_file => $ca, SSL_verify_mode => SSL_VERIFY_PEER,
           SSL_verifycn_name => 'localhost', SSL_verifycn_scheme => 'pop3',
           SSL_hostname => 'localhost');
IO::Socket::SSL::set_defaults(%tls);
my $pop = Mail::POP3Client->new(PORT => $port, USER => $user, PASSWORD => $password,
                                $form eq 'STLS' ? () : (HOST => 'localhost'),
                                AUTH_MODE => $mechanism || 'PASS', TIMEOUT => $patience,
                                USESSL => $form eq 'POP3S');
if ($form ne 'STLS') {  # new() connects by itself
  $pop->State eq 'TRANSACTION' or die 'login: ' . $pop->Message . "\n";
} else {  # the module knows no STLS, but takes a socket that speaks TLS
  my $socket = IO::Socket::INET->new(PeerAddr => 'localhost', PeerPort => $port)
    or die "no connection: $!\n";
  my $greeting = <$socket>;
  print $socket "STLS\r\n";
  my $reply = <$socket>;
  $reply =~ /^\+OK/ or die "STLS: $reply\n";
  IO::Socket::SSL->start_SSL($socket) or die "TLS: $SSL_ERROR\n";
  $pop->Socket($socket);
  $pop->State('AUTHORIZATION');
  $pop->{MESG_ID} = $1 if $greeting =~ /(<[^>]*>)/;
  $pop->Login or die 'login: ' . $pop->Message . "\n";
}
open my $out, '>:raw', $file or die "$file: $!\n";
for my $number (1 .. $pop->Count) {
  my $message = $pop->Retrieve($number);
  defined $message or die "RETR $number: " . $pop->Message . "\n";
  print $out "=== $number ", $pop->List($number), ' ', $pop->Uidl($number), "\n", $message, "\n";
}
close $out or die "$file: $!\n";
$pop->Close;

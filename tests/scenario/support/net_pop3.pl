# Fetches a mailbox with Net::POP3: net_pop3.pl FORM PORT CA USER PASSWORD FILE PATIENCE [APOP|SASL]
use strict;
use warnings;
use Net::POP3;

my ($form, $port, $ca, $user, $password, $file, $patience, $mechanism) = @ARGV;
my %tls = (SSL_ca_file => $ca, SSL_verify_mode => 1, SSL_verifycn_name => 'localhost');
my $pop = Net::POP3->new('localhost', Port => $port, Timeout => $patience,
                         $form eq 'POP3S' ? (SSL => 1, %tls) : ()) or die "no connection: $@\n";
if ($form eq 'STLS') {
  $pop->starttls(%tls) or die 'STLS: ' . $pop->message;
}
my $count = ($mechanism // '') eq 'APOP' ? $pop->apop($user, $password)
          : ($mechanism // '') eq 'SASL' ? ($pop->auth($user, $password) ? ($pop->popstat)[0] : undef)
          : $pop->login($user, $password);
defined $count or die 'login: ' . $pop->message;
my $sizes = $pop->list;
my $names = $pop->uidl;
open my $out, '>:raw', $file or die "$file: $!\n";
for my $number (sort { $a <=> $b } keys %$sizes) {
  my $lines = $pop->get($number) or die "RETR $number: " . $pop->message;
  print $out "=== $number $sizes->{$number} $names->{$number}\n", @$lines;
}
close $out or die "$file: $!\n";
$pop->quit;

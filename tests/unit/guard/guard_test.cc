#include "proxy/guard/guard.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace gatepost::guard {

// For the messages of GoogleTest.
void PrintTo(Guard::Verdict verdict, std::ostream* out) { *out << static_cast<int>(verdict); }

namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Verdict = Guard::Verdict;

constexpr Instant kStart{hours{1000}};

PeerAddress at(std::string_view address, std::uint16_t port = 4711) {
  return {.ip = IpAddress::parse(address).value(), .port = port, .unix_socket = false};
}

PeerAddress unix_socket() { return {.ip = {}, .port = 0, .unix_socket = true}; }

/// Another IPv6 network of 64 bits for each number.
PeerAddress network(std::uint32_t number) {
  return at(fmt::format("2001:db8:{:x}:{:x}::1", number >> 16U, number & 0xffffU));
}

std::vector<IpNetwork> networks(std::string_view text) { return {IpNetwork::parse(text).value()}; }

void fail_often(Guard& guard, const PeerAddress& client, std::string_view user, int times,
                Instant now = kStart) {
  for (int i = 0; i < times; ++i) guard.login_failed(client, user, now);
}

// Connections of a network.

TEST(Admission, has_no_limit_unless_one_is_set) {
  Guard guard;
  for (int i = 0; i < 10'000; ++i) {
    ASSERT_EQ(guard.admit(at("192.0.2.1"), kStart), Verdict::welcome);
  }
  EXPECT_EQ(guard.facts().networks, 1U);
}

TEST(Admission, of_one_network_ends_at_its_limit) {
  Guard guard;
  config::Limits limits;
  limits.connections_per_network = 2;
  guard.configure(limits);
  EXPECT_EQ(guard.admit(at("192.0.2.1", 1), kStart), Verdict::welcome);
  EXPECT_EQ(guard.admit(at("192.0.2.1", 2), kStart), Verdict::welcome);
  EXPECT_EQ(guard.admit(at("192.0.2.1", 3), kStart), Verdict::network_full);
  EXPECT_EQ(guard.admit(at("192.0.2.2"), kStart), Verdict::welcome) << "another network";
  guard.left(at("192.0.2.1", 2));
  EXPECT_EQ(guard.admit(at("192.0.2.1", 4), kStart), Verdict::welcome);
}

TEST(Admission, counts_networks_by_their_prefixes) {
  Guard guard;
  config::Limits limits;
  limits.connections_per_network = 1;
  limits.network_prefix_v4 = 20;
  limits.network_prefix_v6 = 51;
  guard.configure(limits);
  EXPECT_EQ(guard.admit(at("10.1.16.1"), kStart), Verdict::welcome);
  EXPECT_EQ(guard.admit(at("10.1.31.255"), kStart), Verdict::network_full);
  EXPECT_EQ(guard.admit(at("10.1.32.1"), kStart), Verdict::welcome);
  EXPECT_EQ(guard.admit(at("10.1.15.255"), kStart), Verdict::welcome);
  EXPECT_EQ(guard.admit(at("2001:db8:0:2000::1"), kStart), Verdict::welcome);
  EXPECT_EQ(guard.admit(at("2001:db8:0:3fff:ffff::1"), kStart), Verdict::network_full);
  EXPECT_EQ(guard.admit(at("2001:db8:0:4000::1"), kStart), Verdict::welcome);
  EXPECT_EQ(guard.facts().networks, 5U);
}

TEST(Admission, takes_a_prefix_of_nothing_for_everybody) {
  Guard guard;
  config::Limits limits;
  limits.connections_per_network = 1;
  limits.network_prefix_v4 = 0;
  limits.network_prefix_v6 = 0;
  guard.configure(limits);
  EXPECT_EQ(guard.admit(at("192.0.2.1"), kStart), Verdict::welcome);
  EXPECT_EQ(guard.admit(at("203.0.113.1"), kStart), Verdict::network_full);
  EXPECT_EQ(guard.admit(at("2001:db8::1"), kStart), Verdict::welcome) << "the other family";
}

TEST(Admission, ignores_exempt_networks_and_unix_sockets) {
  Guard guard;
  config::Limits limits;
  limits.connections_per_network = 1;
  limits.accept_rate = 1;
  limits.exempt_networks = networks("192.0.2.0/24");
  guard.configure(limits);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(guard.admit(at("192.0.2.1"), kStart), Verdict::welcome);
    EXPECT_EQ(guard.admit(unix_socket(), kStart), Verdict::welcome);
  }
  EXPECT_EQ(guard.facts().networks, 0U);
  EXPECT_EQ(guard.admit(at("198.51.100.1"), kStart), Verdict::welcome) << "the token was unused";
  for (int i = 0; i < 5; ++i) {
    guard.left(at("192.0.2.1"));
    guard.left(unix_socket());
  }
  EXPECT_EQ(guard.facts().networks, 1U);
}

TEST(Admission, forgets_networks_that_left) {
  Guard guard;
  for (std::uint32_t i = 0; i < 100; ++i) {
    EXPECT_EQ(guard.admit(network(i), kStart), Verdict::welcome);
  }
  EXPECT_EQ(guard.facts().networks, 100U);
  for (std::uint32_t i = 0; i < 100; ++i) guard.left(network(i));
  EXPECT_EQ(guard.facts().networks, 0U);
}

TEST(Admission, counts_anew_when_prefixes_or_exempt_networks_change) {
  Guard guard;
  config::Limits limits;
  guard.configure(limits);
  EXPECT_EQ(guard.admit(at("192.0.2.1"), kStart), Verdict::welcome);
  EXPECT_EQ(guard.admit(at("192.0.2.2"), kStart), Verdict::welcome);
  EXPECT_EQ(guard.admit(at("192.0.2.2"), kStart), Verdict::welcome);

  limits.connections_per_network = 3;
  limits.network_prefix_v4 = 24;
  guard.configure(limits);
  EXPECT_EQ(guard.facts().networks, 1U);
  EXPECT_EQ(guard.admit(at("192.0.2.3"), kStart), Verdict::network_full);
  guard.left(at("192.0.2.1"));
  EXPECT_EQ(guard.admit(at("192.0.2.3"), kStart), Verdict::welcome);

  limits.exempt_networks = networks("192.0.2.2/32");
  guard.configure(limits);
  EXPECT_EQ(guard.admit(at("192.0.2.4"), kStart), Verdict::welcome);
  guard.left(at("192.0.2.2"));
  guard.left(at("192.0.2.2"));
  limits.exempt_networks.clear();
  guard.configure(limits);
  EXPECT_EQ(guard.admit(at("192.0.2.5"), kStart), Verdict::welcome);
  EXPECT_EQ(guard.admit(at("192.0.2.5"), kStart), Verdict::network_full);
}

// Connections a second.

TEST(AcceptRate, lets_a_second_s_worth_come_at_once) {
  Guard guard;
  config::Limits limits;
  limits.accept_rate = 10;
  guard.configure(limits);
  for (std::uint32_t i = 0; i < 10; ++i) {
    EXPECT_EQ(guard.admit(network(i), kStart), Verdict::welcome);
  }
  EXPECT_EQ(guard.admit(network(10), kStart), Verdict::too_fast);
  EXPECT_EQ(guard.admit(network(10), kStart + milliseconds{99}), Verdict::too_fast);
  EXPECT_EQ(guard.admit(network(10), kStart + milliseconds{100}), Verdict::welcome);
  EXPECT_EQ(guard.admit(network(11), kStart + milliseconds{100}), Verdict::too_fast);
}

TEST(AcceptRate, saves_no_more_than_a_second_s_worth) {
  Guard guard;
  config::Limits limits;
  limits.accept_rate = 3;
  guard.configure(limits);
  const Instant later = kStart + hours{24 * 365};
  for (std::uint32_t i = 0; i < 3; ++i) {
    EXPECT_EQ(guard.admit(network(i), later), Verdict::welcome);
  }
  EXPECT_EQ(guard.admit(network(3), later), Verdict::too_fast);
  EXPECT_EQ(guard.admit(network(3), later - seconds{5}), Verdict::too_fast) << "a clock behind";
  EXPECT_EQ(guard.admit(network(3), later + milliseconds{334}), Verdict::welcome);
}

TEST(AcceptRate, counts_neither_what_it_refused_nor_what_the_network_may_not) {
  Guard guard;
  config::Limits limits;
  limits.accept_rate = 2;
  limits.connections_per_network = 1;
  guard.configure(limits);
  EXPECT_EQ(guard.admit(network(1), kStart), Verdict::welcome);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(guard.admit(network(1), kStart), Verdict::network_full);
  EXPECT_EQ(guard.admit(network(2), kStart), Verdict::welcome);
  EXPECT_EQ(guard.admit(network(3), kStart), Verdict::too_fast);
  EXPECT_EQ(guard.facts().networks, 2U);
}

TEST(AcceptRate, is_new_after_a_change_and_kept_without_one) {
  Guard guard;
  config::Limits limits;
  limits.accept_rate = 1;
  guard.configure(limits);
  EXPECT_EQ(guard.admit(network(1), kStart), Verdict::welcome);
  guard.configure(limits);
  EXPECT_EQ(guard.admit(network(2), kStart), Verdict::too_fast);
  limits.accept_rate = 2;
  guard.configure(limits);
  EXPECT_EQ(guard.admit(network(2), kStart), Verdict::welcome);
  limits.accept_rate = UINT32_MAX;
  guard.configure(limits);
  for (std::uint32_t i = 0; i < 1000; ++i) {
    ASSERT_EQ(guard.admit(network(i), kStart), Verdict::welcome);
  }
}

// Failed logins.

TEST(FailedLogins, double_the_delay_after_those_that_are_free) {
  Guard guard;
  const PeerAddress client = at("192.0.2.1");
  fail_often(guard, client, "joe", 5);
  EXPECT_EQ(guard.delay(client, "joe", kStart), seconds{0});
  for (const int expected : {1, 2, 4, 8, 16, 32, 60, 60, 60}) {
    guard.login_failed(client, "joe", kStart);
    EXPECT_EQ(guard.delay(client, "joe", kStart), seconds{expected});
  }
  fail_often(guard, client, "joe", 100);
  EXPECT_EQ(guard.delay(client, "joe", kStart), seconds{60});
}

TEST(FailedLogins, may_cost_from_the_first) {
  Guard guard;
  config::Limits limits;
  limits.free_failed_logins = 0;
  limits.failed_login_delay_max = hours{24 * 365 * 100};
  guard.configure(limits);
  const PeerAddress client = at("192.0.2.1");
  EXPECT_EQ(guard.delay(client, "joe", kStart), seconds{0});
  guard.login_failed(client, "joe", kStart);
  EXPECT_EQ(guard.delay(client, "joe", kStart), seconds{1});
  fail_often(guard, client, "joe", 200);
  EXPECT_EQ(guard.delay(client, "joe", kStart), seconds{1 << 30});
}

TEST(FailedLogins, may_cost_nothing) {
  Guard guard;
  config::Limits limits;
  limits.failed_login_delay_max = Duration{0};
  guard.configure(limits);
  fail_often(guard, at("192.0.2.1"), "joe", 50);
  EXPECT_EQ(guard.delay(at("192.0.2.1"), "joe", kStart), seconds{0});
}

TEST(FailedLogins, make_wait_from_the_last_failure_on) {
  Guard guard;
  const PeerAddress client = at("192.0.2.1");
  fail_often(guard, client, "joe", 8);
  EXPECT_EQ(guard.delay(client, "joe", kStart + milliseconds{1}), milliseconds{3999});
  EXPECT_EQ(guard.delay(client, "joe", kStart + seconds{3}), seconds{1});
  EXPECT_EQ(guard.delay(client, "joe", kStart + seconds{4}), seconds{0});
  EXPECT_EQ(guard.delay(client, "joe", kStart - seconds{1}), seconds{4}) << "a clock behind";
  guard.login_failed(client, "joe", kStart + seconds{100});
  EXPECT_EQ(guard.delay(client, "joe", kStart + seconds{101}), seconds{7}) << "not forgotten";
}

TEST(FailedLogins, let_attempts_made_at_once_go_on_one_by_one) {
  Guard guard;
  const PeerAddress client = at("192.0.2.1");
  fail_often(guard, client, "joe", 6);  // the first that costs: 1 s
  EXPECT_EQ(guard.take_turn(client, "joe", kStart), seconds{1});
  EXPECT_EQ(guard.take_turn(client, "joe", kStart + seconds{1}), seconds{0});
  EXPECT_EQ(guard.take_turn(client, "joe", kStart + seconds{1}), seconds{2}) << "made at once";
  EXPECT_EQ(guard.take_turn(client, "ann", kStart + seconds{1}), seconds{2}) << "by the network";
  EXPECT_EQ(guard.take_turn(at("192.0.2.2"), "ann", kStart), seconds{0});
  EXPECT_EQ(guard.take_turn(at("192.0.2.2"), "ann", kStart), seconds{0}) << "nothing is counted";
  EXPECT_EQ(guard.take_turn(client, "joe", kStart + seconds{3}), seconds{0});
}

TEST(FailedLogins, that_are_free_are_used_up_by_attempts_made_at_once) {
  Guard guard;
  const PeerAddress client = at("192.0.2.1");
  fail_often(guard, client, "joe", 5);
  EXPECT_EQ(guard.take_turn(client, "joe", kStart), seconds{0});
  EXPECT_EQ(guard.take_turn(client, "joe", kStart), seconds{1});
  EXPECT_EQ(guard.take_turn(client, "ann", kStart), seconds{1});
  guard.login_succeeded(client, "joe", kStart + milliseconds{2});
  EXPECT_EQ(guard.take_turn(client, "ann", kStart + milliseconds{2}), seconds{0});
}

TEST(FailedLogins, are_forgotten_without_a_further_one) {
  Guard guard;
  config::Limits limits;
  limits.failed_login_delay_max = hours{2};
  limits.failed_login_memory = seconds{900};
  guard.configure(limits);
  const PeerAddress client = at("192.0.2.1");
  fail_often(guard, client, "joe", 30);
  EXPECT_GT(guard.delay(client, "joe", kStart + seconds{899}), seconds{6000});
  EXPECT_EQ(guard.delay(client, "joe", kStart + seconds{900}), seconds{0});
  guard.login_failed(client, "joe", kStart + seconds{900});
  EXPECT_EQ(guard.delay(client, "joe", kStart + seconds{900}), seconds{0}) << "the first again";
  EXPECT_EQ(guard.facts().users, 1U);

  EXPECT_EQ(guard.admit(at("198.51.100.1"), kStart + seconds{1800}), Verdict::welcome);
  EXPECT_EQ(guard.facts().users, 0U);
  EXPECT_EQ(guard.facts().networks, 1U) << "the one connected";
}

TEST(FailedLogins, of_a_network_count_whatever_the_user) {
  Guard guard;
  for (int i = 0; i < 6; ++i) {
    guard.login_failed(at("192.0.2.1"), fmt::format("user{}", i), kStart);
  }
  EXPECT_EQ(guard.delay(at("192.0.2.1"), "somebody", kStart), seconds{1});
  EXPECT_EQ(guard.delay(at("192.0.2.2"), "user1", kStart), seconds{0});
  EXPECT_EQ(guard.facts().networks, 1U);
  EXPECT_EQ(guard.facts().users, 6U);
}

TEST(FailedLogins, of_a_user_count_whatever_the_network) {
  Guard guard;
  for (std::uint32_t i = 0; i < 7; ++i) guard.login_failed(network(i), "joe", kStart);
  EXPECT_EQ(guard.delay(network(99), "joe", kStart), seconds{2});
  EXPECT_EQ(guard.delay(network(1), "ann", kStart), seconds{0});
  EXPECT_EQ(guard.facts().networks, 7U);
  EXPECT_EQ(guard.facts().users, 1U);
}

TEST(FailedLogins, cost_the_longer_of_both) {
  Guard guard;
  fail_often(guard, at("192.0.2.1"), "joe", 6);
  guard.login_failed(at("192.0.2.1"), "ann", kStart);
  EXPECT_EQ(guard.delay(at("192.0.2.1"), "joe", kStart), seconds{2}) << "the network's";
  EXPECT_EQ(guard.delay(at("192.0.2.2"), "joe", kStart), seconds{1}) << "the user's";
}

TEST(FailedLogins, of_a_user_do_not_depend_on_case_or_on_what_follows_512_octets) {
  Guard guard;
  const std::string name(Guard::kMaxNameLooked, 'x');
  for (std::uint32_t i = 0; i < 3; ++i) {
    guard.login_failed(network(i), "Joe@Example.ORG", kStart);
    guard.login_failed(network(i + 10), "jOE@example.org", kStart);
    guard.login_failed(network(i + 20), name + "one", kStart);
    guard.login_failed(network(i + 30), name + "two", kStart);
  }
  EXPECT_EQ(guard.delay(network(99), "joe@example.org", kStart), seconds{1});
  EXPECT_EQ(guard.delay(network(99), name, kStart), seconds{1});
  EXPECT_EQ(guard.delay(network(99), name.substr(1), kStart), seconds{0});
  EXPECT_EQ(guard.facts().users, 2U);
}

TEST(FailedLogins, of_any_octets_are_counted) {
  Guard guard;
  const std::string odd("\0\xff\xc3 \"=", 6);
  for (std::uint32_t i = 0; i < 6; ++i) {
    guard.login_failed(network(i), odd, kStart);
    guard.login_failed(network(i), "", kStart);
  }
  EXPECT_EQ(guard.delay(network(99), odd, kStart), seconds{1});
  EXPECT_EQ(guard.delay(network(99), "", kStart), seconds{1});
}

TEST(FailedLogins, of_exempt_networks_and_unix_sockets_cost_nothing) {
  Guard guard;
  config::Limits limits;
  limits.exempt_networks = networks("2001:db8::/32");
  guard.configure(limits);
  fail_often(guard, network(1), "joe", 50);
  fail_often(guard, unix_socket(), "joe", 50);
  EXPECT_EQ(guard.facts().users, 0U);
  EXPECT_EQ(guard.facts().networks, 0U);
  fail_often(guard, at("192.0.2.1"), "joe", 50);
  EXPECT_EQ(guard.delay(network(1), "joe", kStart), seconds{0});
  EXPECT_EQ(guard.delay(unix_socket(), "joe", kStart), seconds{0});
  EXPECT_EQ(guard.delay(at("192.0.2.1"), "joe", kStart), seconds{60});
}

TEST(FailedLogins, stay_counted_when_limits_change) {
  Guard guard;
  config::Limits limits;
  fail_often(guard, at("192.0.2.1"), "joe", 6);
  limits.free_failed_logins = 3;
  guard.configure(limits);
  EXPECT_EQ(guard.delay(at("192.0.2.1"), "joe", kStart), seconds{4});
}

TEST(FailedLogins, with_invented_names_and_networks_are_bounded) {
  Guard guard;
  for (std::uint32_t i = 0; i < Guard::kMaxRemembered + 1000; ++i) {
    guard.login_failed(network(i), fmt::format("user{}", i), kStart);
  }
  EXPECT_EQ(guard.facts().users, Guard::kMaxRemembered);
  EXPECT_EQ(guard.facts().networks, Guard::kMaxRemembered);
  fail_often(guard, network(999), "user999", 5);
  EXPECT_EQ(guard.delay(network(999), "user999", kStart), seconds{0}) << "the oldest went";
  fail_often(guard, network(60'000), "user60000", 5);
  EXPECT_EQ(guard.delay(network(60'000), "user60000", kStart), seconds{1}) << "the newest stayed";
}

// Good logins.

TEST(KnownPlace, is_never_delayed) {
  Guard guard;
  guard.login_succeeded(at("192.0.2.1"), "joe", kStart);
  for (std::uint32_t i = 0; i < 100; ++i) guard.login_failed(network(i), "joe", kStart);
  for (int i = 0; i < 100; ++i) {
    guard.login_failed(at("192.0.2.1"), fmt::format("guess{}", i), kStart);
  }
  EXPECT_EQ(guard.delay(at("192.0.2.1"), "joe", kStart), seconds{0});
  EXPECT_EQ(guard.delay(at("192.0.2.1"), "JOE", kStart), seconds{0});
  EXPECT_EQ(guard.delay(at("192.0.2.1"), "ann", kStart), seconds{60}) << "only for this user";
  EXPECT_EQ(guard.delay(at("192.0.2.2"), "joe", kStart), seconds{60}) << "only there";
}

TEST(KnownPlace, is_an_ipv6_network_of_64_bits_or_an_ipv4_address) {
  Guard guard;
  config::Limits limits;
  limits.network_prefix_v4 = 8;
  limits.network_prefix_v6 = 32;
  guard.configure(limits);
  guard.login_succeeded(at("2001:db8::1"), "joe", kStart);
  guard.login_succeeded(at("192.0.2.1"), "joe", kStart);
  fail_often(guard, at("203.0.113.1"), "joe", 20);
  EXPECT_EQ(guard.delay(at("2001:db8::ffff"), "joe", kStart), seconds{0});
  EXPECT_EQ(guard.delay(at("2001:db8:0:1::1"), "joe", kStart), seconds{60});
  EXPECT_EQ(guard.delay(at("192.0.2.1"), "joe", kStart), seconds{0});
  EXPECT_EQ(guard.delay(at("192.0.2.2"), "joe", kStart), seconds{60});
}

TEST(KnownPlace, is_known_for_30_days_after_the_last_good_login) {
  Guard guard;
  config::Limits limits;
  limits.failed_login_memory = hours{24 * 365};
  guard.configure(limits);
  guard.login_succeeded(at("192.0.2.1"), "joe", kStart);
  const Instant again = kStart + hours{29 * 24};
  guard.login_succeeded(at("192.0.2.1"), "joe", again);
  const Instant last = again + Guard::kKnownFor - milliseconds{1};
  fail_often(guard, at("192.0.2.2"), "joe", 20, last);
  EXPECT_EQ(guard.delay(at("192.0.2.1"), "joe", last), seconds{0});
  EXPECT_GT(guard.delay(at("192.0.2.1"), "joe", last + milliseconds{1}), seconds{0});
}

TEST(KnownPlace, survives_any_number_of_invented_users_and_networks) {
  Guard guard;
  guard.login_succeeded(at("192.0.2.1"), "joe", kStart);
  for (std::uint32_t i = 0; i < 2 * Guard::kMaxRemembered; ++i) {
    guard.login_failed(network(i), fmt::format("user{}", i), kStart);
  }
  fail_often(guard, network(1), "joe", 20);
  EXPECT_EQ(guard.delay(at("192.0.2.1"), "joe", kStart), seconds{0});
}

TEST(KnownPlace, is_one_of_a_bounded_number) {
  Guard guard;
  for (std::uint32_t i = 0; i <= Guard::kMaxRemembered; ++i) {
    guard.login_succeeded(network(i), "joe", kStart);
  }
  fail_often(guard, at("192.0.2.1"), "joe", 20);
  EXPECT_EQ(guard.delay(network(0), "joe", kStart), seconds{60}) << "the oldest went";
  EXPECT_EQ(guard.delay(network(1), "joe", kStart), seconds{0});
  EXPECT_EQ(guard.delay(network(Guard::kMaxRemembered), "joe", kStart), seconds{0});
}

TEST(KnownPlace, counts_failures_for_itself_until_they_are_too_many) {
  Guard guard;
  const PeerAddress home = at("192.0.2.1");
  const auto limit = static_cast<int>(Guard::kMaxKnownFailures);
  guard.login_succeeded(home, "joe", kStart);
  fail_often(guard, home, "joe", limit - 1);
  EXPECT_EQ(guard.facts().users, 0U);
  EXPECT_EQ(guard.delay(at("192.0.2.2"), "joe", kStart), seconds{0});
  guard.login_succeeded(home, "joe", kStart);  // in a row, they are to be
  fail_often(guard, home, "joe", limit - 1);
  EXPECT_EQ(guard.facts().users, 0U);
  fail_often(guard, home, "joe", 6);
  EXPECT_EQ(guard.delay(home, "joe", kStart), seconds{1});
}

TEST(GoodLogin, somewhere_new_clears_the_failures_of_the_user) {
  Guard guard;
  for (std::uint32_t i = 0; i < 20; ++i) guard.login_failed(network(i), "joe", kStart);
  guard.login_succeeded(at("192.0.2.1"), "joe", kStart);
  EXPECT_EQ(guard.delay(network(99), "joe", kStart), seconds{0});
  EXPECT_EQ(guard.facts().users, 0U);
}

TEST(GoodLogin, at_a_known_place_gives_a_guesser_elsewhere_nothing) {
  Guard guard;
  guard.login_succeeded(at("192.0.2.1"), "joe", kStart);
  for (std::uint32_t i = 0; i < 20; ++i) {
    guard.login_failed(network(i), "joe", kStart);
    guard.login_succeeded(at("192.0.2.1"), "joe", kStart);
  }
  EXPECT_EQ(guard.delay(network(99), "joe", kStart), seconds{60});
}

TEST(GoodLogin, of_one_account_does_not_buy_guesses_at_others) {
  Guard guard;
  const PeerAddress client = at("192.0.2.1");
  for (int i = 0; i < 12; ++i) {
    guard.login_failed(client, fmt::format("victim{}", i), kStart);
    guard.login_succeeded(client, "mallory", kStart);
  }
  EXPECT_EQ(guard.delay(client, "victim", kStart), seconds{60});
}

TEST(GoodLogin, of_an_exempt_network_says_nothing_about_places) {
  Guard guard;
  config::Limits limits;
  limits.exempt_networks = networks("192.0.2.0/24");
  guard.configure(limits);
  guard.login_succeeded(at("192.0.2.1"), "joe", kStart);
  guard.login_succeeded(unix_socket(), "joe", kStart);
  guard.configure(config::Limits{});
  fail_often(guard, network(1), "joe", 20);
  EXPECT_EQ(guard.delay(at("192.0.2.1"), "joe", kStart), seconds{60});
}

// All workers use one Guard; the TSan build looks at this.
TEST(Guard, may_be_used_by_many_threads) {
  Guard guard;
  config::Limits limits;
  limits.connections_per_network = 1000;
  limits.accept_rate = 1'000'000;
  std::vector<std::jthread> threads;
  for (std::uint32_t number = 0; number < 4; ++number) {
    threads.emplace_back([&guard, number] {
      for (std::uint32_t i = 0; i < 2000; ++i) {
        const PeerAddress client = network(i % 50 + number);
        const Instant now = kStart + milliseconds{i};
        const bool in = guard.admit(client, now) == Verdict::welcome;
        EXPECT_GE(guard.delay(client, "joe", now), seconds{0});
        if (i % 3 == 0) guard.login_succeeded(client, "joe", now);
        guard.login_failed(client, fmt::format("user{}", i % 20), now);
        if (in) guard.left(client);
      }
    });
  }
  for (int i = 0; i < 100; ++i) {
    limits.network_prefix_v6 = 48 + static_cast<std::uint32_t>(i % 2) * 16;
    guard.configure(limits);
    EXPECT_LE(guard.facts().users, 21U);
  }
  threads.clear();
  limits.failed_login_memory = seconds{0};
  guard.configure(limits);
  EXPECT_EQ(guard.admit(at("192.0.2.1"), kStart), Verdict::welcome);
  EXPECT_EQ(guard.facts().networks, 1U) << "all left";
  EXPECT_EQ(guard.facts().users, 0U);
}

}  // namespace
}  // namespace gatepost::guard

// What a hello is answered with, read in whatever pieces it comes.
#include "probe/hello.h"

#include <doctest/doctest.h>

using namespace everseal;
using namespace std::string_literals;
using probe::ServerFlight;
using probe::ServerHello;
using Kind = ServerHello::Kind;

namespace {

std::string sized(const std::string& content, unsigned octets) {
  std::string text;
  for (unsigned i = octets; i > 0; --i) text += static_cast<char>(content.size() >> (8U * (i - 1)) & 0xffU);
  return text + content;
}

std::string message(char type, const std::string& body) { return type + sized(body, 3); }
std::string record(char type, const std::string& content) { return type + "\x03\x03"s + sized(content, 2); }

std::string hello(const std::string& extensions = {}) {
  return message('\x02', "\x03\x03"s + std::string(32, 'r') + sized("", 1) + "\xc0\x2b\x00"s + extensions);
}
std::string certificates(const std::vector<std::string>& all) {
  std::string list;
  for (const std::string& one : all) list += sized(one, 3);
  return message('\x0b', sized(list, 3));
}

const std::string kAlert = record('\x15', "\x02\x28");
const std::string kWarning = record('\x15', "\x01\x70");
const std::string kNew = hello(sized("\x00\x2b\x00\x02\x03\x04"s, 2));
const std::string kDone = message('\x0e', "");

struct Answered {
  const char* what;
  std::string came;
  Kind kind;
  std::size_t chain;  // certificates
  bool ends;          // whatever else comes
};

const Answered kAnswers[] = {
    {"nothing", "", Kind::none_yet, 0, false},
    {"a record a message", record('\x16', hello()) + record('\x16', certificates({"leaf", "issuer"})), Kind::hello, 2,
     true},
    {"one record for all", record('\x16', hello() + certificates({"leaf", "issuer"}) + kDone), Kind::hello, 2, true},
    {"a message over two records",
     record('\x16', hello() + certificates({"leaf"}).substr(0, 6)) + record('\x16', certificates({"leaf"}).substr(6)),
     Kind::hello, 1, true},
    {"a warning before it", kWarning + record('\x16', hello() + certificates({"leaf"})), Kind::hello, 1, true},
    {"a hello alone", record('\x16', hello()), Kind::hello, 0, false},
    {"TLS 1.3, which hides the rest", record('\x16', kNew) + record('\x17', "hidden"), Kind::hello, 0, true},
    {"no certificate in it", record('\x16', hello() + certificates({})), Kind::hello, 0, true},
    {"no certificate at all", record('\x16', hello() + kDone), Kind::hello, 0, true},
    {"a broken list", record('\x16', hello() + message('\x0b', "\x00\x00\x09\x00\x00\x08leaf"s)), Kind::hello, 0, true},
    {"an alert behind the hello", record('\x16', hello()) + kAlert, Kind::hello, 0, true},
    {"something else behind the hello", record('\x16', hello()) + "HTTP/1.1", Kind::hello, 0, true},
    {"too long a chain", record('\x16', hello() + "\x0b\xff\xff\xff"s), Kind::hello, 0, true},
    {"an alert", kAlert, Kind::alert, 0, true},
    {"another message first", record('\x16', certificates({"leaf"})), Kind::no_tls, 0, true},
    {"too long a hello", record('\x16', "\x02\xff\xff\xff"s), Kind::no_tls, 0, true},
    {"a hello cut short", record('\x16', message('\x02', "\x03\x03")), Kind::no_tls, 0, true},
    {"an empty record", record('\x16', ""), Kind::no_tls, 0, true},
    {"too long a record", "\x16\x03\x03\xff\xff"s, Kind::no_tls, 0, true},
    {"an alert of one octet", record('\x15', "\x02"), Kind::no_tls, 0, true},
    {"another protocol", "SSH-2.0", Kind::no_tls, 0, true},
};

}  // namespace

TEST_CASE("the answer to a hello is read with the chain behind it, in whatever pieces it comes") {
  for (const Answered& row : kAnswers) {
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{100'000}}) {
      CAPTURE(row.what);
      CAPTURE(piece);
      ServerFlight flight(ServerFlight::Until::chain);
      bool more = true;
      for (std::size_t at = 0; more && at < row.came.size(); at += piece)
        more = flight.take(row.came.substr(at, piece));
      CHECK(flight.hello().kind == row.kind);
      CHECK(more != row.ends);
      const auto chain = flight.take_chain();
      REQUIRE(chain.size() == row.chain);
      if (!chain.empty()) CHECK(base::as_text(chain.front()) == "leaf");
    }
  }
}

TEST_CASE("who wants the hello alone reads no further") {
  ServerFlight flight;
  CHECK(flight.take(record('\x16', hello().substr(0, 9))));
  CHECK_FALSE(flight.take(record('\x16', hello().substr(9) + certificates({"leaf"}))));
  CHECK(flight.hello().kind == Kind::hello);
  CHECK(flight.hello().cipher == 0xc02b);
  CHECK(flight.hello().version == 0x0303);
  CHECK(flight.take_chain().empty());
}

TEST_CASE("what a hello is refused by is told") {
  ServerFlight flight;
  CHECK_FALSE(flight.take(kAlert));
  CHECK(flight.hello().alert == 40);
}

TEST_CASE("the group of a key exchange is read where it is waited for") {
  const std::string exchange = message('\x0c', "\x03\x00\x1d"s + sized(std::string(32, 'k'), 1));
  const std::string before = hello() + certificates({"leaf"}) + message('\x16', "staple");
  struct Row {
    std::string came;
    std::uint16_t group;
  };
  for (const Row& row : {Row{before + exchange + kDone, 0x001d}, Row{hello() + exchange, 0x001d},
                         Row{before + message('\x0c', "\x03\x00"s), 0},
                         Row{before + message('\x0c', "\x01\x00\x1d"s), 0}, Row{before + kDone, 0}}) {
    ServerFlight flight(ServerFlight::Until::key_exchange);
    CHECK_FALSE(flight.take(record('\x16', row.came)));
    CHECK(flight.hello().kind == Kind::hello);
    CHECK(flight.hello().group == row.group);
  }
}

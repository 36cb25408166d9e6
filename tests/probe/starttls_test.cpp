#include "probe/starttls.h"

#include "base/error.h"
#include "probe/probe.h"
#include "server.h"

#include <doctest/doctest.h>

using namespace everseal;
using namespace std::chrono_literals;
using probe::Capture;
using probe::Outcome;
using test::Server;

namespace {

const probe::Limits kShort{.connect = 5s, .handshake = 5s, .total = 10s};
const std::string kPostgresRequest("\x00\x00\x00\x08\x04\xd2\x16\x2f", 8);
const std::string kLdapRequest(
    "\x30\x1d\x02\x01\x01\x77\x18\x80\x16"
    "1.3.6.1.4.1.1466.20037",
    31);

// What the server says and then waits for, in turn; a wait of "" reads nothing.
struct Turn {
  std::string say;
  std::string expect;
};
using Script = std::vector<Turn>;

bool play(int connection, const Script& script) {
  for (const Turn& turn : script) {
    test::say(connection, turn.say);
    if (!turn.expect.empty() && test::hear(connection, turn.expect.size()) != turn.expect) return false;
  }
  return true;
}

Capture look(int port, const std::string& protocol) {
  return probe::probe_one({.host = "127.0.0.1", .port = port, .starttls = protocol}, kShort);
}

struct Row {
  const char* protocol;
  Script script;
};

}  // namespace

TEST_CASE("a protocol that begins in the clear is led to TLS") {
  const Row rows[] = {
      {"postgres", {{"", kPostgresRequest}, {"S", ""}}},
      {"smtp",
       {{"220 mail.test ESMTP\r\n", "EHLO localhost\r\n"},
        {"250-mail.test\r\n250-SIZE 1000\r\n250-STARTTLS\r\n250 HELP\r\n", "STARTTLS\r\n"},
        {"220 go ahead\r\n", ""}}},
      {"smtp",
       {{"220-mail.test\r\n220 second line\r\n", "EHLO localhost\r\n"},
        {"250-mail.test\n250 starttls\n", "STARTTLS\r\n"},
        {"220 \n", ""}}},
      {"imap", {{"* OK [CAPABILITY STARTTLS] ready\r\n", "a1 STARTTLS\r\n"}, {"a1 OK begin\r\n", ""}}},
      {"imap", {{"* ok\r\n", "a1 STARTTLS\r\n"}, {"* something else\r\na1 ok\r\n", ""}}},
      {"pop3", {{"+OK POP3 ready\r\n", "STLS\r\n"}, {"+OK\r\n", ""}}},
      {"ldap", {{"", kLdapRequest}, {std::string("\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00", 14), ""}}},
      {"ldap",
       {{"", kLdapRequest},
        {std::string("\x30\x84\x00\x00\x00\x10\x02\x01\x01\x78\x84\x00\x00\x00\x07\x0a\x01\x00\x04\x00\x04\x00", 22),
         ""}}},
  };
  const test::Identity leaf("starttls.test");
  const auto context = test::server_context(leaf);
  for (const Row& row : rows) {
    CAPTURE(row.protocol);
    Server server([&](int c) {
      if (play(c, row.script)) test::serve_tls(context.get(), c);
    });
    const Capture capture = look(server.port(), row.protocol);
    CHECK_MESSAGE(capture.outcome == Outcome::complete, capture.problem);
    CHECK(capture.chain == std::vector<base::Bytes>{leaf.der});
  }
}

TEST_CASE("a server that refuses TLS, or speaks another protocol, is told apart") {
  struct Refusal : Row {
    Outcome outcome;
    const char* problem;
  };
  const Refusal rows[] = {
      {{"postgres", {{"", kPostgresRequest}, {"N", ""}}}, Outcome::starttls_refused, "switched off"},
      {{"postgres", {{"", kPostgresRequest}, {"Eno\0", ""}}}, Outcome::starttls_refused, "with an error"},
      {{"postgres", {{"HTTP/1.1 400\r\n", kPostgresRequest}}}, Outcome::not_tls, "not answer as a PostgreSQL server"},
      {{"postgres", {{"", kPostgresRequest}}}, Outcome::unreachable, "closed the connection"},
      {{"smtp", {{"554 go away\r\n", ""}}},
       Outcome::starttls_refused,
       "greeting: the SMTP server answered \"554 go away\""},
      {{"smtp", {{"220 hi\r\n", "EHLO localhost\r\n"}, {"250-hi\r\n250 SIZE\r\n", ""}}},
       Outcome::starttls_refused,
       "does not offer STARTTLS"},
      {{"smtp", {{"220 hi\r\n", "EHLO localhost\r\n"}, {"250 STARTTLS\r\n", "STARTTLS\r\n"}, {"250 STARTTLS\r\n", ""}}},
       Outcome::starttls_refused,
       "STARTTLS: "},
      {{"smtp",
        {{"220 hi\r\n", "EHLO localhost\r\n"},
         {"250-hi\r\n250 STARTTLS\r\n", "STARTTLS\r\n"},
         {"454 not \x1b[now\r\n", ""}}},
       Outcome::starttls_refused,
       "454 not \\x1b[now"},
      {{"smtp", {{"\x15\x03\x03\r\n", ""}}}, Outcome::not_tls, "does not speak SMTP"},
      {{"smtp", {{std::string(10'000, '2'), ""}}}, Outcome::not_tls, "line without end"},
      {{"smtp", {{"220-" + std::string(100, 'x') + "\r\n", ""}}}, Outcome::unreachable, "closed"},
      {{"imap", {{"* BYE busy\r\n", ""}}}, Outcome::starttls_refused, "BYE busy"},
      {{"imap", {{"* PREAUTH in\r\n", ""}}}, Outcome::starttls_refused, "PREAUTH"},
      {{"imap", {{"* OK\r\n", "a1 STARTTLS\r\n"}, {"a1 BAD no\r\n", ""}}}, Outcome::starttls_refused, "a1 BAD no"},
      {{"imap", {{"+OK pop3\r\n", ""}}}, Outcome::not_tls, "does not speak IMAP"},
      {{"pop3", {{"+OK\r\n", "STLS\r\n"}, {"-ERR no\r\n", ""}}}, Outcome::starttls_refused, "-ERR no"},
      {{"pop3", {{"* OK imap\r\n", ""}}}, Outcome::not_tls, "POP3"},
      {{"ldap",
        {{"", kLdapRequest}, {std::string("\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x02\x04\x00\x04\x00", 14), ""}}},
       Outcome::starttls_refused,
       "result code 2"},
      {{"ldap", {{"", kLdapRequest}, {std::string("\x30\x05\x02\x01\x01\x78\x00", 7), ""}}}, Outcome::not_tls, "LDAP"},
      {{"ldap", {{"", kLdapRequest}, {std::string("\x30\x85\x01\x01\x01\x01\x01", 7), ""}}}, Outcome::not_tls, "LDAP"},
      {{"ldap", {{"", kLdapRequest}, {std::string("\x30\x84\xff\xff\xff\xff", 6), ""}}}, Outcome::not_tls, "LDAP"},
      {{"ldap", {{"", kLdapRequest}, {std::string("\x30\x08\x02\x01\x01\x78\xff\x0a\x01\x00", 10), ""}}},
       Outcome::not_tls,
       "LDAP"},
  };
  for (const Refusal& row : rows) {
    CAPTURE(row.protocol);
    CAPTURE(row.problem);
    Server server([&](int c) {
      play(c, row.script);
      ::shutdown(c, SHUT_WR);
      test::hear_all(c);
    });
    const Capture capture = look(server.port(), row.protocol);
    CHECK_MESSAGE(capture.outcome == row.outcome, to_string(capture.outcome), " ", capture.problem);
    CHECK(capture.problem.starts_with(std::string(row.protocol) + ": "));
    CHECK_MESSAGE(capture.problem.find(row.problem) != std::string::npos, capture.problem);
    CHECK(capture.problem.find('\x1b') == std::string::npos);
  }
}

TEST_CASE("a server that talks without end is left") {
  Server server([](int c) {
    for (int i = 0; i < 5000; ++i) test::say(c, "* OK still talking\r\n");
    test::hear_all(c);
  });
  const Capture capture = look(server.port(), "imap");
  CHECK(capture.outcome == Outcome::not_tls);
  CHECK(capture.problem.find("without end") != std::string::npos);
}

TEST_CASE("an unknown protocol is a usage error that lists the known ones") {
  try {
    look(1, "gopher");
    FAIL_CHECK("was accepted");
  } catch (const base::Error& error) {
    CHECK(error.fault() == base::Fault::usage);
    CHECK(error.hint() == "known are imap, ldap, pop3, postgres, smtp");
  }
}

TEST_CASE("every protocol describes itself") {
  for (const probe::Starttls* protocol : probe::starttls_protocols()) {
    CHECK(&probe::require_starttls(protocol->name) == protocol);
    CHECK(protocol->summary != "");
    CHECK(protocol->port > 0);
  }
}

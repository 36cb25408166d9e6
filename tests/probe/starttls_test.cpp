#include "probe/starttls.h"

#include "base/error.h"
#include "probe/probe.h"
#include "server.h"
#include "windows_peers.h"

#include <doctest/doctest.h>

using namespace everseal;
using namespace std::chrono_literals;
using probe::Capture;
using probe::Dialogue;
using probe::Outcome;
using test::kMssqlRequest;
using test::kRdpRequest;
using test::mssql_response;
using test::octets;
using test::Server;
using State = probe::Dialogue::State;

namespace {

const probe::Limits kShort{.connect = 5s, .handshake = 5s, .total = 10s};

const std::string kPostgresRequest = octets("\x00\x00\x00\x08\x04\xd2\x16\x2f");
const std::string kLdapRequest = octets(
    "\x30\x1d\x02\x01\x01\x77\x18\x80\x16"
    "1.3.6.1.4.1.1466.20037");
const std::string kXmppRequest = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
const std::string kXmppHeader =
    "<?xml version='1.0'?><stream:stream xmlns='jabber:client' from='x.test' id='a>b' version='1.0'>";
const std::string kMysqlRequest =
    octets("\x20\x00\x00\x01\x00\x8a\x08\x00\x00\x00\x00\x01\x2d") + std::string(23, '\0');

std::string xmpp_open(const std::string& content) {
  return "<?xml version='1.0'?><stream:stream to='x.test' xmlns='jabber:" + content +
         "' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>";
}

// Protocol 10, version 8.0.1, thread, salt, and the lower half of the capabilities.
std::string mysql_greeting(const std::string& capabilities) {
  const std::string body = "\x0a" + octets("8.0.1\0") + "\1\2\3\4" + "saltsalt" + octets("\0") + capabilities +
                           octets("\x21\x02\x00") + "\xff\xc1";
  return std::string(1, static_cast<char>(body.size())) + octets("\0\0\0") + body;
}

// What the server says and what it is told for that, in turn.
struct Turn {
  std::string say;
  std::string expect;
};
using Script = std::vector<Turn>;

struct Row {
  const char* protocol;
  Script script;
};

// Plays the server, its words cut into pieces of `piece` octets, and stops where the dialogue ends.
void play(Dialogue& dialogue, const Script& script, std::size_t piece) {
  std::string said = dialogue.advance({});
  for (const Turn& turn : script) {
    for (std::size_t at = 0; at < turn.say.size(); at += piece) {
      if (dialogue.state() != State::talking) return;
      said += dialogue.advance(base::as_bytes(std::string_view(turn.say).substr(at, piece)));
    }
    CHECK(said == turn.expect);
    said.clear();
  }
}

constexpr std::size_t kPieces[] = {1, 2, 3, 7, 100'000};

std::unique_ptr<Dialogue> begin(const char* protocol) { return probe::require_starttls(protocol).begin("x.test"); }

}  // namespace

TEST_CASE("a protocol that begins in the clear is led to TLS, whatever the pieces it comes in") {
  const Row rows[] = {
      {"postgres", {{"", kPostgresRequest}, {"S", ""}}},
      {"smtp",
       {{"", ""},
        {"220 mail.test ESMTP\r\n", "EHLO localhost\r\n"},
        {"250-mail.test\r\n250-SIZE 1000\r\n250-STARTTLS\r\n250 HELP\r\n", "STARTTLS\r\n"},
        {"220 go ahead\r\n", ""}}},
      {"smtp",
       {{"220-mail.test\r\n220 second line\r\n", "EHLO localhost\r\n"},
        {"250-mail.test\n250 starttls\n", "STARTTLS\r\n"},
        {"220 \n", ""}}},
      {"lmtp",
       {{"220 mail.test LMTP\r\n", "LHLO localhost\r\n"},
        {"250-mail.test\r\n250 STARTTLS\r\n", "STARTTLS\r\n"},
        {"220\r\n", ""}}},
      {"ftp", {{"220 ftp.test\r\n", "AUTH TLS\r\n"}, {"234 Proceed.\r\n", ""}}},
      {"ftp",
       {{"120 soon\r\n", ""},
        {"220-Welcome\r\n  221 is no code here\r\nNor this\r\n220 end\r\n", "AUTH TLS\r\n"},
        {"234-Now\r\n234 go\r\n", ""}}},
      {"imap", {{"* OK [CAPABILITY STARTTLS] ready\r\n", "a1 STARTTLS\r\n"}, {"a1 OK begin\r\n", ""}}},
      {"imap", {{"* ok\r\n", "a1 STARTTLS\r\n"}, {"* something else\r\na1 ok\r\n", ""}}},
      {"pop3", {{"+OK POP3 ready\r\n", "STLS\r\n"}, {"+OK\r\n", ""}}},
      {"sieve",
       {{"\"IMPLEMENTATION\" \"Dovecot\"\r\n\"SASL\" \"\"\r\n\"STARTTLS\"\r\nOK \"ready\"\r\n", "STARTTLS\r\n"},
        {"OK \"Begin TLS negotiation now.\"\r\n", ""}}},
      {"ldap", {{"", kLdapRequest}, {octets("\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00"), ""}}},
      {"ldap",
       {{"", kLdapRequest},
        {octets("\x30\x84\x00\x00\x00\x10\x02\x01\x01\x78\x84\x00\x00\x00\x07\x0a\x01\x00\x04\x00\x04\x00"), ""}}},
      {"xmpp",
       {{"", xmpp_open("client")},
        {kXmppHeader + "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>"
                       "<mechanisms><mechanism>PLAIN</mechanism></mechanisms></stream:features>",
         kXmppRequest},
        {"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", ""}}},
      {"xmpp-server",
       {{"", xmpp_open("server")},
        {"<stream xmlns='http://etherx.jabber.org/streams'>\n<features>\n<starttls/></features>", kXmppRequest},
        {"<proceed></proceed>", ""}}},
      {"mssql", {{"", kMssqlRequest}, {mssql_response('\x01'), ""}}},
      {"mssql", {{"", kMssqlRequest}, {mssql_response('\x03'), ""}}},
      {"mysql", {{mysql_greeting("\xff\xff"), kMysqlRequest}}},
      {"rdp",
       {{"", kRdpRequest},
        {octets("\x03\x00\x00\x13\x0e\xd0\x00\x00\x12\x34\x00\x02\x00\x08\x00\x02\x00\x00\x00"), ""}}},
      {"rdp",
       {{"", kRdpRequest},
        {octets("\x03\x00\x00\x13\x0e\xd0\x00\x00\x12\x34\x00\x02\x0f\x08\x00\x01\x00\x00\x00"), ""}}},
  };
  std::vector<std::string_view> led;
  for (const Row& row : rows) {
    led.push_back(row.protocol);
    for (const std::size_t piece : kPieces) {
      CAPTURE(row.protocol);
      CAPTURE(piece);
      const auto dialogue = begin(row.protocol);
      Script script = row.script;
      if (script.front().say != "") script.insert(script.begin(), Turn{});
      play(*dialogue, script, piece);
      CHECK_MESSAGE(dialogue->state() == State::done, dialogue->problem());
      CHECK(dialogue->problem() == "");
      CHECK(dialogue->rest() == "");
    }
  }
  for (const probe::Starttls* protocol : probe::starttls_protocols())
    CHECK_MESSAGE(std::ranges::count(led, protocol->name) > 0, protocol->name);
}

TEST_CASE("a server that refuses TLS, or speaks another protocol, is told apart, whatever the pieces it comes in") {
  struct Refusal : Row {
    State state;
    const char* problem;
  };
  const std::string hello = "EHLO localhost\r\n";
  const Refusal rows[] = {
      {{"postgres", {{"N", ""}}}, State::refused, "switched off"},
      {{"postgres", {{octets("Eno\0"), ""}}}, State::refused, "with an error"},
      {{"postgres", {{"HTTP/1.1 400\r\n", ""}}}, State::other_protocol, "not answer as a PostgreSQL server"},
      {{"smtp", {{"554 go away\r\n", ""}}}, State::refused, "greeting: the SMTP server answered \"554 go away\""},
      {{"smtp", {{"220 hi\r\n", hello}, {"250-hi\r\n250 SIZE\r\n", ""}}}, State::refused, "does not offer STARTTLS"},
      {{"smtp", {{"220 hi\r\n", hello}, {"250 STARTTLS\r\n", "STARTTLS\r\n"}, {"250 STARTTLS\r\n", ""}}},
       State::refused,
       "STARTTLS: "},
      {{"smtp", {{"220 hi\r\n", hello}, {"250-hi\r\n250 STARTTLS\r\n", "STARTTLS\r\n"}, {"454 not \x1b[now\r\n", ""}}},
       State::refused,
       "454 not \\x1b[now"},
      {{"smtp", {{"\x15\x03\x03\r\n", ""}}}, State::other_protocol, "does not speak SMTP"},
      {{"smtp", {{"220-a\r\n221 b\r\n", ""}}}, State::other_protocol, "does not speak SMTP"},
      {{"smtp", {{"2200 b\r\n", ""}}}, State::other_protocol, "does not speak SMTP"},
      {{"smtp", {{std::string(10'000, '2'), ""}}}, State::other_protocol, "line without end"},
      {{"lmtp", {{"220 hi\r\n", "LHLO localhost\r\n"}, {"500 what\r\n", ""}}},
       State::refused,
       "LHLO: the LMTP server answered \"500 what\""},
      {{"ftp", {{"220 hi\r\n", "AUTH TLS\r\n"}, {"502 no\r\n", ""}}},
       State::refused,
       "AUTH TLS: the FTP server answered \"502 no\""},
      {{"ftp", {{"421 full\r\n", ""}}}, State::refused, "greeting: the FTP server answered \"421 full\""},
      {{"ftp", {{"SSH-2.0-x\r\n", ""}}}, State::other_protocol, "does not speak FTP"},
      {{"imap", {{"* BYE busy\r\n", ""}}}, State::refused, "BYE busy"},
      {{"imap", {{"* PREAUTH in\r\n", ""}}}, State::refused, "PREAUTH"},
      {{"imap", {{"* OK\r\n", "a1 STARTTLS\r\n"}, {"a1 BAD no\r\n", ""}}}, State::refused, "a1 BAD no"},
      {{"imap", {{"+OK pop3\r\n", ""}}}, State::other_protocol, "does not speak IMAP"},
      {{"pop3", {{"+OK\r\n", "STLS\r\n"}, {"-ERR no\r\n", ""}}}, State::refused, "-ERR no"},
      {{"pop3", {{"-ERR busy\r\n", ""}}}, State::refused, "-ERR busy"},
      {{"pop3", {{"* OK imap\r\n", ""}}}, State::other_protocol, "POP3"},
      {{"sieve", {{"\"SASL\" \"PLAIN\"\r\nOK\r\n", ""}}}, State::refused, "does not offer STARTTLS"},
      {{"sieve", {{"BYE \"full\"\r\n", ""}}}, State::refused, "greeting: the ManageSieve server answered"},
      {{"sieve", {{"\"STARTTLS\"\r\nOK\r\n", "STARTTLS\r\n"}, {"NO\r\n", ""}}}, State::refused, "STARTTLS: "},
      {{"sieve", {{"* OK imap\r\n", ""}}}, State::other_protocol, "does not speak ManageSieve"},
      {{"ldap", {{octets("\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x02\x04\x00\x04\x00"), ""}}},
       State::refused,
       "result code 2"},
      {{"ldap", {{octets("\x30\x05\x02\x01\x01\x78\x00"), ""}}}, State::other_protocol, "LDAP"},
      {{"ldap", {{octets("\x30\x85\x01\x01\x01\x01\x01"), ""}}}, State::other_protocol, "LDAP"},
      {{"ldap", {{octets("\x30\x84\xff\xff\xff\xff"), ""}}}, State::other_protocol, "size that none has"},
      {{"ldap", {{octets("\x30\x08\x02\x01\x01\x78\xff\x0a\x01\x00"), ""}}}, State::other_protocol, "LDAP"},
      {{"ldap", {{"HTTP", ""}}}, State::other_protocol, "LDAP"},
      {{"xmpp", {{kXmppHeader + "<stream:features><mechanisms/></stream:features>", ""}}},
       State::refused,
       "does not offer STARTTLS"},
      {{"xmpp", {{kXmppHeader + "<stream:error><host-unknown xmlns='x'/></stream:error>", ""}}},
       State::refused,
       "host-unknown"},
      {{"xmpp", {{kXmppHeader + "<stream:features><starttls/></stream:features>", kXmppRequest}, {"<failure/>", ""}}},
       State::refused,
       "with a failure"},
      {{"xmpp", {{kXmppHeader + "</stream:stream>", ""}}}, State::refused, "ended the stream"},
      {{"xmpp", {{"HTTP/1.1 400 Bad Request\r\n", ""}}}, State::other_protocol, "does not speak XMPP"},
      {{"xmpp", {{"<html>", ""}}}, State::other_protocol, "does not speak XMPP: \"<html\""},
      {{"xmpp", {{"<" + std::string(9000, 'a'), ""}}}, State::other_protocol, "tag without end"},
      {{"mssql", {{mssql_response('\x02'), ""}}}, State::refused, "does not offer TLS"},
      {{"mssql", {{octets("\x04\x01\x00\x0e\x00\x00\x01\x00\x01\x00\xff\x00\x01\xff"), ""}}},
       State::other_protocol,
       "MSSQL"},
      {{"mssql", {{octets("\x04\x01\x00\x09\x00\x00\x01\x00\xff"), ""}}}, State::other_protocol, "MSSQL"},
      {{"mssql", {{octets("\x04\x01\x00\x08\x00"), ""}}}, State::other_protocol, "MSSQL"},
      {{"mssql", {{"HTTP/1.1", ""}}}, State::other_protocol, "MSSQL"},
      {{"mysql", {{mysql_greeting(octets("\x00\x00")), ""}}}, State::refused, "does not offer TLS"},
      {{"mysql", {{octets("\x11\x00\x00\x00\xff\x6a\x04Host '\x1b' is no"), ""}}},
       State::refused,
       "Host '\\x1b' is no"},
      {{"mysql",
        {{octets("\x03\x00\x00\x00\x0a"
                 "ab"),
          ""}}},
       State::other_protocol,
       "MySQL"},
      {{"mysql",
        {{octets("\x03\x00\x00\x00\x09"
                 "ab"),
          ""}}},
       State::other_protocol,
       "MySQL"},
      {{"mysql", {{"HTTP/1.1", ""}}}, State::other_protocol, "MySQL"},
      {{"rdp", {{octets("\x03\x00\x00\x0b\x06\xd0\x00\x00\x12\x34\x00"), ""}}}, State::refused, "knows no TLS"},
      {{"rdp", {{octets("\x03\x00\x00\x13\x0e\xd0\x00\x00\x12\x34\x00\x03\x00\x08\x00\x03\x00\x00\x00"), ""}}},
       State::refused,
       "it has no certificate (3)"},
      {{"rdp", {{octets("\x03\x00\x00\x13\x0e\xd0\x00\x00\x12\x34\x00\x02\x00\x08\x00\x00\x00\x00\x00"), ""}}},
       State::refused,
       "chose standard RDP security"},
      {{"rdp", {{octets("\x03\x00\x00\x13\x0e\x80\x00\x00\x12\x34\x00\x02\x00\x08\x00\x00\x00\x00\x00"), ""}}},
       State::other_protocol,
       "RDP"},
      {{"rdp", {{octets("\x03\x00\x00\x05\x00"), ""}}}, State::other_protocol, "RDP"},
      {{"rdp", {{"SSH-2.0", ""}}}, State::other_protocol, "RDP"},
  };
  for (const Refusal& row : rows) {
    for (const std::size_t piece : kPieces) {
      CAPTURE(row.protocol);
      CAPTURE(row.problem);
      CAPTURE(piece);
      const auto dialogue = begin(row.protocol);
      dialogue->advance({});
      play(*dialogue, row.script, piece);
      CHECK(dialogue->state() == row.state);
      CHECK_MESSAGE(dialogue->problem().find(row.problem) != std::string::npos, dialogue->problem());
      CHECK(dialogue->problem().find('\x1b') == std::string::npos);
    }
  }
}

TEST_CASE("what comes in the clear behind the go-ahead is a fault, and never taken for what came through TLS") {
  const Row rows[] = {
      {"postgres", {{"SE", ""}}},
      {"smtp",
       {{"220 hi\r\n", "EHLO localhost\r\n"},
        {"250-hi\r\n250 STARTTLS\r\n", "STARTTLS\r\n"},
        {"220 go\r\n250 AUTH PLAIN\r\n", ""}}},
      {"ftp", {{"220 hi\r\n", "AUTH TLS\r\n"}, {"234 go\r\n200 x\r\n", ""}}},
      {"imap", {{"* OK\r\n", "a1 STARTTLS\r\n"}, {"a1 OK\r\n* PREAUTH\r\n", ""}}},
      {"pop3", {{"+OK\r\n", "STLS\r\n"}, {"+OK\r\n\r\n", ""}}},
      {"sieve", {{"\"STARTTLS\"\r\nOK\r\n", "STARTTLS\r\n"}, {"OK\r\n\"SASL\" \"PLAIN\"\r\n", ""}}},
      {"ldap", {{octets("\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00\x30"), ""}}},
      {"xmpp",
       {{kXmppHeader + "<stream:features><starttls/></stream:features>", kXmppRequest},
        {"<proceed/><stream:stream>", ""}}},
      {"mssql", {{mssql_response('\x01') + "x", ""}}},
      {"mysql", {{mysql_greeting("\xff\xff") + "x", kMysqlRequest}}},
      {"rdp", {{octets("\x03\x00\x00\x13\x0e\xd0\x00\x00\x12\x34\x00\x02\x00\x08\x00\x02\x00\x00\x00\x16"), ""}}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.protocol);
    const auto dialogue = begin(row.protocol);
    dialogue->advance({});
    play(*dialogue, row.script, 100'000);
    CHECK(dialogue->state() == State::injected);
    CHECK(dialogue->problem().find("in the clear behind its go-ahead") != std::string::npos);

    // What comes later is TLS's to refuse.
    const auto octet_by_octet = begin(row.protocol);
    octet_by_octet->advance({});
    play(*octet_by_octet, row.script, 1);
    CHECK(octet_by_octet->state() == State::done);
  }
}

TEST_CASE("the name of the server cannot leave the attribute that it stands in") {
  const auto dialogue = probe::require_starttls("xmpp").begin("x'><&\".test");
  CHECK(dialogue->advance({}).find("to='x&#39;&#62;&#60;&#38;&#34;.test' ") != std::string::npos);
}

TEST_CASE("what the dialogue ends with is the outcome of the probe") {
  const test::Identity leaf("starttls.test");
  const auto context = test::server_context(leaf);
  struct Result {
    const char* says;
    bool tls;
    Outcome outcome;
    const char* problem;
  };
  const Result rows[] = {
      {"+OK\r\n", true, Outcome::complete, ""},
      {"-ERR no\r\n", false, Outcome::starttls_refused, "pop3: the POP3 server answered STLS with \"-ERR no\""},
      {"+OK\r\n+OK\r\n", false, Outcome::starttls_injected, "pop3: the peer sent more in the clear"},
      {"", false, Outcome::unreachable, "pop3: the peer closed the connection"},
  };
  for (const Result& row : rows) {
    CAPTURE(row.says);
    Server server([&](int c) {
      test::say(c, "+OK hello\r\n");
      test::hear(c);
      test::say(c, row.says);
      if (row.tls) return test::serve_tls(context.get(), c);
      ::shutdown(c, SHUT_WR);
      test::hear_all(c);
    });
    const Capture capture = probe::probe_one({.host = "127.0.0.1", .port = server.port(), .starttls = "pop3"}, kShort);
    CHECK(capture.outcome == row.outcome);
    CHECK_MESSAGE(capture.problem.starts_with(row.problem), capture.problem);
    CHECK(capture.chain.size() == (row.tls ? 1 : 0));
    CHECK(capture.phase == (row.tls ? probe::Phase::handshake : probe::Phase::starttls));
  }
  Server other([](int c) {
    test::say(c, "SSH-2.0-x\r\n");
    test::hear_all(c);
  });
  CHECK(probe::probe_one({.host = "127.0.0.1", .port = other.port(), .starttls = "pop3"}, kShort).outcome ==
        Outcome::not_tls);
}

TEST_CASE("TLS inside the packets of MSSQL is unwrapped") {
  const test::Identity leaf("mssql.test");
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (const std::size_t largest : {std::size_t{7}, std::size_t{4088}}) {
      CAPTURE(version);
      CAPTURE(largest);
      const auto context = test::server_context(leaf, version);
      Server server([&](int c) { test::serve_mssql(context.get(), c, largest); });
      const Capture capture =
          probe::probe_one({.host = "127.0.0.1", .port = server.port(), .starttls = "mssql"}, kShort);
      CHECK_MESSAGE(capture.outcome == Outcome::complete, capture.problem);
      CHECK(capture.chain == std::vector<base::Bytes>{leaf.der});
    }
  }
}

TEST_CASE("a server that talks without end is left") {
  Server server([](int c) {
    for (int i = 0; i < 5000; ++i) test::say(c, "* OK still talking\r\n");
    test::hear_all(c);
  });
  const Capture capture = probe::probe_one({.host = "127.0.0.1", .port = server.port(), .starttls = "imap"}, kShort);
  CHECK(capture.outcome == Outcome::not_tls);
  CHECK(capture.problem.find("without end") != std::string::npos);
}

TEST_CASE("an unknown protocol is a usage error that lists the known ones") {
  try {
    probe::probe_one({.host = "127.0.0.1", .port = 1, .starttls = "gopher"}, kShort);
    FAIL_CHECK("was accepted");
  } catch (const base::Error& error) {
    CHECK(error.fault() == base::Fault::usage);
    CHECK(error.hint() ==
          "known are ftp, imap, ldap, lmtp, mssql, mysql, pop3, postgres, rdp, sieve, smtp, xmpp, xmpp-server");
  }
}

TEST_CASE("a server that speaks first is known by what it says") {
  const std::pair<std::string, std::string_view> rows[] = {
      {"220 mail.example.org ESMTP Postfix (Debian/GNU)\r\n", "smtp"},
      {"220-mail.example.org esmtp\r\n220 x\r\n", "smtp"},
      {"220 mail.example.org LMTP\r\n", "lmtp"},
      {"220 (vsFTPd 3.0.3)\r\n", "ftp"},
      {"220 ready\r\n", ""},
      {"220 ready\r\nSMTP", ""},
      {"* OK [CAPABILITY IMAP4rev1] Dovecot ready.\r\n", "imap"},
      {"+OK Dovecot ready.\r\n", "pop3"},
      {"\"IMPLEMENTATION\" \"Dovecot Pigeonhole\"\r\n", "sieve"},
      {mysql_greeting("\xff\xff"), "mysql"},
      {octets("\x11\x00\x00\x00\xff\x6a\x04Host"), "mysql"},
      {"SSH-2.0-OpenSSH\r\n", ""},
      {"HTTP/1.1 400 Bad Request\r\n", ""},
      {"", ""},
  };
  for (const auto& [head, protocol] : rows) {
    CAPTURE(head);
    const probe::Starttls* const known = probe::starttls_greeting(head);
    CHECK((known == nullptr ? std::string_view() : known->name) == protocol);
  }
  Server server([](int c) {
    test::say(c, "220 mail.test ESMTP\r\n");
    test::hear_all(c);
  });
  const Capture capture = probe::probe_one({.host = "127.0.0.1", .port = server.port()}, kShort);
  CHECK(capture.outcome == Outcome::not_tls);
  CHECK(capture.greeting == "smtp");
  CHECK_MESSAGE(capture.problem ==
                    "the peer does not speak TLS at once; it answered \"220 mail.test ESMTP\", as smtp "
                    "does, which switches to TLS on request",
                capture.problem);
}

TEST_CASE("every protocol describes itself, and is what is spoken on its port") {
  for (const probe::Starttls* protocol : probe::starttls_protocols()) {
    CHECK(&probe::require_starttls(protocol->name) == protocol);
    CHECK(protocol->summary != "");
    CHECK(probe::starttls_on(protocol->port) == protocol);
  }
  CHECK(probe::starttls_on(587) == &probe::require_starttls("smtp"));
  CHECK(probe::starttls_on(443) == nullptr);
  CHECK(probe::starttls_on(993) == nullptr);
}

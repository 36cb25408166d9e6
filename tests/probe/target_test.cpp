#include "base/error.h"
#include "probe/probe.h"

#include <doctest/doctest.h>

using namespace everseal;
using probe::Target;

TEST_CASE("an endpoint is read from text") {
  struct Row {
    const char* text;
    const char* host;
    int port;
    const char* back;
  };
  const Row rows[] = {
      {"www.example.org", "www.example.org", 443, "www.example.org:443"},
      {"WWW.Example.ORG:8443", "www.example.org", 8443, "www.example.org:8443"},
      {"localhost:1", "localhost", 1, "localhost:1"},
      {"db_1.internal:65535", "db_1.internal", 65535, "db_1.internal:65535"},
      {"127.0.0.1", "127.0.0.1", 443, "127.0.0.1:443"},
      {"::1", "::1", 443, "[::1]:443"},
      {"[::1]", "::1", 443, "[::1]:443"},
      {"[2001:db8::1]:5432", "2001:db8::1", 5432, "[2001:db8::1]:5432"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const Target target = Target::parse(row.text);
    CHECK(target.host == row.host);
    CHECK(target.port == row.port);
    CHECK(target.text() == row.back);
  }
}

TEST_CASE("what is no endpoint is refused with the form that is wanted") {
  const char* rows[] = {"",
                        ":443",
                        "host:",
                        "host:0",
                        "host:65536",
                        "host:https",
                        "host:44 3",
                        "a b:443",
                        "a:1:2",
                        "[::1",
                        "[::1]443",
                        "[example.org]:443",
                        "[]:443",
                        "[::1]:x",
                        "-x:443",
                        "host:+443",
                        ".a:443",
                        "a/b",
                        "a\x1b[31m:443",
                        "a\r\nb:443",
                        "https://a",
                        "a:4430000000000000000000"};
  for (const char* row : rows) {
    CAPTURE(row);
    try {
      Target::parse(row);
      FAIL_CHECK("was accepted");
    } catch (const base::Error& error) {
      CHECK(error.fault() == base::Fault::usage);
      CHECK(error.hint().find("HOST:PORT") != std::string::npos);
      CHECK(error.message().find('\x1b') == std::string::npos);
    }
  }
  CHECK_THROWS_AS(Target::parse(std::string(300, 'a')), base::Error);
}

#include "net/http_client.h"

#include <doctest/doctest.h>

using namespace everseal;
using std::chrono::seconds;

TEST_SUITE("HTTP response") {
  TEST_CASE("Retry-After is seconds or a date, and never in the past") {
    const auto now = *base::parse_time("2026-11-24T12:00:00Z");
    struct Row {
      const char* text;
      std::optional<base::Time> when;
    };
    const Row rows[] = {
        {"120", now + seconds(120)},
        {"0", now},
        {"Tue, 24 Nov 2026 12:01:00 GMT", now + seconds(60)},
        {"Tue, 24 Nov 2026 11:00:00 GMT", now},
        {"99999999999999999999999", now + seconds(366 * 86400)},
        {"soon", std::nullopt},
        {"-5", std::nullopt},
        {"", std::nullopt},
    };
    for (const auto& [text, when] : rows) {
      CAPTURE(text);
      net::HttpResponse response;
      response.headers = {{"retry-after", text}};
      CHECK(net::retry_after(response, now) == when);
    }
    CHECK(net::retry_after({}, now) == std::nullopt);
  }

  TEST_CASE("headers are found by their lower-case name, each of several") {
    net::HttpResponse response;
    response.headers = {{"link", "<a>"}, {"date", "Tue, 24 Nov 2026 12:00:00 GMT"}, {"link", "<b>"}};
    CHECK(response.header("link") == "<a>");
    CHECK(response.all("link") == std::vector<std::string>{"<a>", "<b>"});
    CHECK(response.header("none") == std::nullopt);
    CHECK(net::date(response) == base::parse_time("2026-11-24T12:00:00Z"));
  }
}

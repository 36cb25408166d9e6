#include "audit/policy.h"

#include "audit/world.h"
#include "base/error.h"

using namespace everseal;
using namespace everseal::audit;
using namespace everseal::audit::testing;

namespace {

const std::string kHead =
    "{\n  \"everseal_policy\": 1,\n  \"name\": \"mine\",\n  \"version\": \"1\",\n  \"summary\": \"ours\",\n"
    "  \"limits\": [\n";
const std::string kTail = "\n  ]\n}\n";
const std::string kOrigin = "\"programme\": \"Ours\", \"source\": \"section 1\", \"date\": \"2026-03\" }";

std::string with(const std::string& limits) { return kHead + limits + kTail; }
std::string limit(const std::string& said) { return with("{ " + said + ", " + kOrigin); }

std::string refusal_of(const std::string& json) {
  try {
    parse_policy(json, "mine.json");
  } catch (const base::Error& error) {
    CHECK(error.fault() == base::Fault::config);
    return error.text();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("the built-in policies are read, and say of every limit whose it is and from when") {
  CHECK(built_in_policies() ==
        std::vector<std::string>{"intermediate", "legacy", "modern", "nist", "rfc9325", "webpki"});
  for (const std::string& name : built_in_policies()) {
    CAPTURE(name);
    const Policy policy = built_in_policy(name);
    CHECK(policy.name == name);
    CHECK(policy.hash.size() == 64);
    CHECK(policy.limits.size() > 4);
    for (const Limit& one : policy.limits) {
      CHECK_FALSE(one.programme.empty());
      CHECK_FALSE(one.source.empty());
      CHECK((one.reach == Reach::public_chains) == (name == "webpki"));
    }
  }
  CHECK_THROWS_WITH_AS(built_in_policy("no"), "there is no policy \"no\"", base::Error);
}

TEST_CASE("an operator's policy is read") {
  for (const char* const said :
       {"\"limit\": \"version\", \"level\": \"must\", \"accept\": [\"TLSv1.3\"]",
        "\"limit\": \"version\", \"level\": \"must\", \"accept\": \"TLSv1.3\"",
        "\"limit\": \"lifetime\", \"level\": \"should\", \"longest\": \"90d\", \"from\": \"2026-03-15\"",
        "\"limit\": \"key\", \"level\": \"must\", \"reach\": \"public\", \"rsa_bits\": 3072",
        "\"limit\": \"cipher\", \"level\": \"must\", \"reject\": [\"*RC4*\"]"}) {
    CAPTURE(said);
    CHECK(refusal_of(limit(said)) == "accepted");
  }
}

TEST_CASE("a wrong policy is refused with file, line and what was expected") {
  struct Row {
    std::string json;
    std::vector<std::string> says;
  };
  const std::string version = "\"limit\": \"version\", \"level\": \"must\", ";
  const Row rows[] = {
      {"", {"mine.json:1", "ends too early"}},
      {"[]", {"mine.json:1", "not an object"}},
      {"7", {"mine.json:1"}},
      {"{\n\"name\": \"x\",\n}", {"mine.json:3", "not JSON near"}},
      {"{\n\"name\": \"x\"\n\"version\": \"1\"}", {"mine.json:3", "expected"}},
      {"{\n\"name\": \"x\",\n\"name\": \"y\"}", {"mine.json:3", "\"name\" stands twice"}},
      {"{\n\n\"name\": null}", {"mine.json:3", "null"}},
      {"{\n\n\"everseal_policy\": 1.5}", {"mine.json:3", "no integer"}},
      {"{\n\n\"everseal_policy\":\n18446744073709551615\n}", {"mine.json:4", "too large"}},
      {std::string(100, '[') + std::string(100, ']'), {"nested too deeply"}},
      {"{ \"everseal_policy\": 2 }", {"mine.json:1", "everseal_policy"}},
      {kHead + kTail, {"demands nothing"}},
      {with("{ \"limit\": \"version\" }"), {"mine.json:7", "level", "programme", "source", "date"}},
      {limit("\"limit\": \"versions\", \"level\": \"must\", \"accept\": [\"TLSv1.3\"]"), {"mine.json:7", "limit"}},
      {limit(version + "\"accept\": [\"TLS 1.3\"]"), {"mine.json:7", "\"TLS 1.3\" is no version", "TLSv1.3"}},
      {limit(version + "\n\"accepts\": [\"TLSv1.3\"]"), {"mine.json:8", "unknown key", "did you mean 'accept'?"}},
      {limit(version + "\n\n\"accept\": [1]"), {"mine.json:9"}},
      {limit("\"limit\": \"version\", \"level\": \"must\""), {"mine.json:7", "demands nothing"}},
      {limit("\"limit\": \"lifetime\", \"level\": \"must\", \"accept\": [\"90d\"]"), {"without \"longest\""}},
      {limit(version + "\"accept\": [\"TLSv1.3\"],\n \"longest\": \"90d\""), {"mine.json:8", "only a lifetime"}},
      {limit(version + "\"accept\": [\"TLSv1.3\"],\n \"rsa_bits\": 2048"), {"mine.json:8", "only a key"}},
      {limit(version + "\"accept\": [\"TLSv1.3\"],\n\"from\": \"15.3.2026\""), {"mine.json:8", "not a day"}},
      {with("{ \"limit\": \"group\", \"level\": \"must\", \"accept\": [\"X25519\"], \"programme\": \"\",\n"
            "\"source\": \"a\", \"date\": \"soon\" }"),
       {"mine.json:7: limits.programme: is empty", "mine.json:8: limits.date"}},
      {limit("\"limit\": \"key\", \"level\": \"must\", \"accept\": [\"RSA 2048\"]"), {"mine.json:7", "rsa_bits"}},
      {with("\"version\""), {"mine.json:7", "an object"}},
      {"{\"everseal_policy\": 1, \"name\": \"n\", \"version\": \"1\", \"summary\": \"s\", \"limits\": {}}",
       {"a list of objects"}},
      {std::string(2 << 20, ' '), {"more than 1 MiB"}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.json.substr(0, 400));
    const std::string text = refusal_of(row.json);
    for (const std::string& part : row.says) {
      CAPTURE(part);
      CHECK_MESSAGE(text.find(part) != std::string::npos, text);
    }
  }
}

TEST_CASE("damage to a policy is refused and nothing worse") {
  const std::string whole = limit("\"limit\": \"version\", \"level\": \"must\", \"accept\": [\"TLSv1.3\"]");
  for (std::size_t size = 0; size + 2 < whole.size(); ++size) CHECK(refusal_of(whole.substr(0, size)) != "accepted");
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = '\x01';
    CHECK_NOTHROW(refusal_of(damaged));
  }
}

TEST_CASE("a pattern fits as it is written, with a star for any run") {
  struct Row {
    const char *pattern, *value;
    bool fits;
  };
  for (const auto& [pattern, value, fits] :
       {Row{"TLSv1.3", "TLSv1.3", true}, Row{"TLSv1.3", "TLSv1.33", false}, Row{"*", "", true},
        Row{"*RC4*", "RC4-SHA", true}, Row{"*RC4*", "ECDHE-RSA-RC4-SHA", true}, Row{"*RC4*", "AES128-SHA", false},
        Row{"DES-CBC-*", "DES-CBC-SHA", true}, Row{"DES-CBC-*", "DES-CBC3-SHA", false},
        Row{"*-GCM-*", "AES128-GCM-SHA256", true}, Row{"a*b*c", "abbbc", true}, Row{"a*b*c", "abb", false}}) {
    CAPTURE(pattern);
    CAPTURE(value);
    CHECK(breaks(Limit{.limited = Limited::cipher, .reject = {pattern}}, value) == fits);
    CHECK(breaks(Limit{.limited = Limited::cipher, .accept = {pattern}}, value) != fits);
  }
}

TEST_CASE("the limits of a date hold from its first second, in place of the earlier ones") {
  const Policy policy = built_in_policy("webpki");
  struct Row {
    Time when;
    int must, should;
  };
  for (const auto& [when, must, should] :
       {Row{day("2020-09-01") - Seconds(1), 0, 0}, Row{day("2020-09-01"), 398, 397},
        Row{day("2026-03-15") - Seconds(1), 398, 397}, Row{day("2026-03-15"), 200, 199},
        Row{day("2027-03-15") - Seconds(1), 200, 199}, Row{day("2027-03-15"), 100, 99},
        Row{day("2029-03-15") - Seconds(1), 100, 99}, Row{day("2029-03-15"), 47, 46}}) {
    CAPTURE(base::format_time(when));
    const auto limits = policy.in_force(Limited::lifetime, when);
    if (must == 0) {
      CHECK(limits.empty());
      continue;
    }
    REQUIRE(limits.size() == 2);
    CHECK(limits[0]->longest == must * kDay);
    CHECK(limits[0]->level == Level::must);
    CHECK(limits[1]->longest == should * kDay);
    CHECK(limits[1]->level == Level::should);
  }
}

#include "reconcile/verdict.h"

#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

using everseal::reconcile::Outcome;
using everseal::reconcile::Result;
using everseal::reconcile::Verdict;

TEST_SUITE("verdict") {
  TEST_CASE("the exit code tells done, failed and mixed apart") {
    struct Row {
      std::vector<Result> results;
      int standing;
      int renewed;
      int plain;
      int of_renewal;
    };
    const Row rows[] = {
        {{}, 0, 0, 0, 0},
        {{}, 2, 0, 1, 1},
        {{Result::done}, 0, 1, 0, 10},
        {{Result::warned}, 0, 0, 0, 0},
        {{Result::done}, 1, 0, 4, 4},
        {{Result::failed}, 0, 0, 1, 1},
        {{Result::failed, Result::failed}, 0, 1, 1, 11},
        {{Result::done, Result::failed}, 0, 1, 4, 11},
        {{Result::rolled_back}, 0, 1, 1, 11},
        {{Result::done, Result::rolled_back}, 0, 0, 4, 4},
    };
    for (const Row& row : rows) {
      Verdict verdict;
      for (const Result result : row.results) verdict.outcomes.push_back({"certificate/x", "", "issue", result, ""});
      verdict.standing_failures = row.standing;
      verdict.renewed = row.renewed;
      CHECK(verdict.exit_code() == row.plain);
      CHECK(verdict.exit_code_of_renewal() == row.of_renewal);
    }
  }

  TEST_CASE("each outcome says once how its step ended") {
    struct Row {
      const char* step;
      Result result;
      const char* words;
    };
    const Row rows[] = {
        {"issue", Result::done, "issued"},
        {"issue", Result::failed, "not issued"},
        {"verify", Result::warned, "verified"},
        {"revoke", Result::failed, "not revoked"},
        {"rollback", Result::done, "rolled back"},
        {"rollback", Result::failed, "not rolled back"},
        {"deploy", Result::rolled_back, "rolled back"},
        {"rollback", Result::rolled_back, "rolled back"},
        {"unheard-of", Result::failed, "unheard-of failed"},
        {"unheard-of", Result::done, "unheard-of"},
    };
    for (const Row& row : rows)
      CHECK(everseal::reconcile::ended({"certificate/x", "", row.step, row.result, ""}) == row.words);
  }

  TEST_CASE("what stops one worker and all others is said once, and anything else each time") {
    const Outcome stopped{"store", "", "reconcile", Result::failed, "live is no directory"};
    const Outcome other{"store", "", "reconcile", Result::failed, "archive is no directory"};
    const Outcome failed{"certificate/x", "", "issue", Result::failed, "no answer"};
    Verdict verdict;
    for (int worker = 0; worker < 3; ++worker) verdict.append(Verdict{{stopped, failed}});
    verdict.append(Verdict{{other}});
    std::vector<std::string> said;
    for (const Outcome& one : verdict.outcomes) said.push_back(one.text);
    CHECK(said == std::vector<std::string>{"live is no directory", "no answer", "no answer", "no answer",
                                           "archive is no directory"});
  }

  TEST_CASE("what an error says becomes facts of the failure") {
    const auto when = everseal::base::from_unix(1000);
    auto error = everseal::base::Error(everseal::base::Fault::unreachable, "no answer", "ask again").not_before(when);
    const Outcome outcome = everseal::reconcile::failure("certificate/x", "corp", "issue", error);
    CHECK(outcome.result == Result::failed);
    CHECK(outcome.text == "no answer");
    CHECK(outcome.facts.hint == "ask again");
    CHECK(outcome.facts.fault == everseal::base::Fault::unreachable);
    CHECK(outcome.facts.retry_at == when);
  }

  TEST_CASE("as JSON an outcome is fields, those that do not apply null") {
    Verdict verdict;
    verdict.outcomes.push_back(
        {"certificate/x", "corp", "issue", Result::done, "as wanted", {.version = 3, .serial = "4f"}});
    verdict.outcomes.push_back({"certificate/x",
                                "nginx",
                                "deploy",
                                Result::rolled_back,
                                "",
                                {.seen = {{.address = "127.0.0.1:443", .fingerprint = "ab", .problem = ""}},
                                 .back_to = 2,
                                 .fault = everseal::base::Fault::timed_out}});
    verdict.remarks.push_back({"orphaned", "certificate/y", "nobody wants it", "remove it"});
    const auto document = nlohmann::json::parse(to_json(verdict));
    const auto& issued = document["outcomes"][0];
    CHECK(issued["issuer"] == "corp");
    CHECK(issued["target"].is_null());
    CHECK(issued["version"] == 3);
    CHECK(issued["serial"] == "4f");
    CHECK(issued["not_after"].is_null());
    CHECK(issued["fault"].is_null());
    const auto& rolled_back = document["outcomes"][1];
    CHECK(rolled_back["issuer"].is_null());
    CHECK(rolled_back["target"] == "nginx");
    CHECK(rolled_back["result"] == "rolled_back");
    CHECK(rolled_back["seen"][0]["fingerprint"] == "ab");
    CHECK(rolled_back["seen"][0]["problem"].is_null());
    CHECK(rolled_back["back_to"] == 2);
    CHECK(rolled_back["fault"] == "timed_out");
    CHECK(document["remarks"][0]["rule"] == "orphaned");
    CHECK(document["look_again"].is_null());
  }

  TEST_CASE("as JSON it is one document, whatever the text holds") {
    Verdict verdict;
    verdict.outcomes.push_back({"certificate/x", "t", "deploy", Result::failed, "\x1b[2J\xff\n"});
    const auto document = nlohmann::json::parse(to_json(verdict));
    CHECK(document["outcomes"][0]["result"] == "failed");
    CHECK(document["exit_code"] == 1);
    CHECK(to_json(verdict).find('\x1b') == std::string::npos);
  }
}

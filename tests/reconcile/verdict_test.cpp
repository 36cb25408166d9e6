#include "reconcile/verdict.h"

#include <doctest/doctest.h>

#include <vector>

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
        {{Result::done}, 1, 0, 0, 0},
        {{Result::failed}, 0, 0, 1, 1},
        {{Result::failed, Result::failed}, 0, 1, 1, 11},
        {{Result::done, Result::failed}, 0, 1, 4, 11},
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

  TEST_CASE("as JSON it is one document, whatever the text holds") {
    Verdict verdict;
    verdict.outcomes.push_back({"certificate/x", "t", "issue", Result::failed, "\x1b[2J\xff\n"});
    const auto document = nlohmann::json::parse(to_json(verdict));
    CHECK(document["outcomes"][0]["result"] == "failed");
    CHECK(document["exit_code"] == 1);
    CHECK(to_json(verdict).find('\x1b') == std::string::npos);
  }
}

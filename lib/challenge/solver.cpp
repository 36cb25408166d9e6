// Which challenge answers for which name, and the answers of one order as one.
#include "base/error.h"
#include "base/text.h"
#include "challenge/choice.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

namespace everseal::challenge {
namespace {

using acme::Authorization;
using acme::ChallengeStatus;
using base::Error;
using base::Fault;

struct Answer {
  const Method* method;
  std::size_t challenge;
};

bool can_be_answered(const acme::Challenge& challenge) noexcept {
  return challenge.status == ChallengeStatus::pending || challenge.status == ChallengeStatus::processing;
}

std::optional<std::size_t> offered(const Authorization& authorization, std::string_view type) {
  for (std::size_t i = 0; i < authorization.challenges.size(); ++i)
    if (authorization.challenges[i].type == type && can_be_answered(authorization.challenges[i])) return i;
  return std::nullopt;
}

[[noreturn]] void throw_unprovable(const Authorization& authorization, std::span<const Method* const> tried) {
  std::vector<std::string> theirs, ours;
  for (const acme::Challenge& challenge : authorization.challenges) theirs.push_back(base::printable(challenge.type));
  for (const Method* method : tried) ours.push_back(method->type);
  throw Error(
      Fault::config,
      fmt::format("nothing here can prove {}{}: the CA offers {}, configured is {}", authorization.wildcard ? "*." : "",
                  authorization.identifier.text(), theirs.empty() ? "nothing" : base::join(theirs, ", "),
                  ours.empty() ? "nothing" : base::join(ours, ", ")),
      authorization.wildcard ? "a wildcard is proved by DNS: add a [challenge.NAME] with type = \"dns-01\""
                             : "add a [challenge.NAME] of a type that the CA offers");
}

Answer choose(const Choice& choice, const Authorization& authorization) {
  const std::vector<const Method*> ordered = choice.candidates(authorization.identifier.text());
  for (const Method* const method : ordered) {
    const Kind* const kind = find_kind(method->type);
    if (kind == nullptr || !kind->can_prove(authorization)) continue;
    if (const auto challenge = offered(authorization, kind->name)) return {method, *challenge};
  }
  throw_unprovable(authorization, ordered);
}

class Solver final : public acme::Solver {
 public:
  Solver(std::span<const Method> methods, Responder& responder) : choice_(methods), responder_(responder) {}
  ~Solver() override { Solver::clean_up(); }

  std::vector<std::size_t> present(std::span<const Authorization> pending, const acme::Account& account,
                                   std::stop_token stop) override {
    std::vector<std::size_t> chosen;
    std::vector<std::pair<const Method*, std::vector<Task>>> groups;
    for (const Authorization& authorization : pending) {
      const Answer answer = choose(choice_, authorization);
      chosen.push_back(answer.challenge);
      auto group = std::ranges::find(groups, answer.method, &std::pair<const Method*, std::vector<Task>>::first);
      if (group == groups.end()) group = groups.insert(groups.end(), {answer.method, {}});
      group->second.push_back({authorization, authorization.challenges[answer.challenge], account});
    }
    for (const auto& [method, tasks] : groups) {
      answerers_.push_back(find_kind(method->type)->open(*method, responder_));
      const std::string context = method->name.empty() ? method->type : fmt::format("challenge {}", method->name);
      base::within(context, [&] { answerers_.back()->present(tasks, stop); });
    }
    return chosen;
  }

  std::vector<std::string> clean_up() noexcept override {
    std::vector<std::string> problems;
    for (const auto& answerer : answerers_) std::ranges::move(answerer->clean_up(), std::back_inserter(problems));
    answerers_.clear();
    return problems;
  }

 private:
  Choice choice_;
  Responder& responder_;
  std::vector<std::unique_ptr<Answerer>> answerers_;
};

}  // namespace

const Kind* find_kind(std::string_view name) noexcept {
  const auto all = kinds();
  const auto found = std::ranges::find(all, name, [](const Kind* kind) { return kind->name; });
  return found == all.end() ? nullptr : *found;
}

std::unique_ptr<acme::Solver> make_solver(std::span<const Method> methods, Responder& responder) {
  return std::make_unique<Solver>(methods, responder);
}

}  // namespace everseal::challenge

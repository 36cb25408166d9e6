// Kinds of challenges, and which one answers for which name.
#pragma once

#include "acme/solver.h"
#include "base/name.h"
#include "base/options.h"
#include "challenge/responder.h"

#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::challenge {

// A [challenge.NAME] of the config: how names below `zones` are proved.
struct Method {
  base::Name name;                 // empty: the issuer's own default
  std::string type;                // name of a Kind
  std::vector<std::string> zones;  // "example.net": it and everything below; empty: every name
  base::Options options;           // of the kind
  std::string provider;            // of kinds that need one: name of a dns::Kind
  base::Options provider_options;
};

// One authorization to be proved.
struct Task {
  const acme::Authorization& authorization;
  const acme::Challenge& challenge;
  const acme::Account& account;
};

// Answers the challenges of one order that one Method is for. Used by one thread.
class Answerer {
 public:
  virtual ~Answerer() = default;
  // Makes all of them visible, and returns when the CA may look.
  virtual void present(std::span<const Task> tasks, std::stop_token stop) = 0;
  virtual std::vector<std::string> clean_up() noexcept = 0;  // as acme::Solver's
};

enum class NeedsProvider { no, yes };

struct Kind {
  std::string_view name;  // of the ACME challenge type: "http-01"
  std::string_view summary;
  std::span<const base::Option> options;
  NeedsProvider provider = NeedsProvider::no;
  // Whether this type may prove `authorization` at all: no http-01 for wildcards, no dns-01 for IP addresses.
  bool (*can_prove)(const acme::Authorization& authorization);
  std::unique_ptr<Answerer> (*open)(const Method& method, Responder& responder);
};

std::span<const Kind* const> kinds();
const Kind* find_kind(std::string_view name) noexcept;

// Chooses for each authorization: of the candidates for its name (choice.h) the first whose type the CA offers and can
// prove it. `methods` and `responder` outlive the solver.
std::unique_ptr<acme::Solver> make_solver(std::span<const Method> methods, Responder& responder);

}  // namespace everseal::challenge

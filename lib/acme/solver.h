// Who answers challenges; challenge/ implements it.
#pragma once

#include "acme/account.h"
#include "acme/authorization.h"

#include <cstddef>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

namespace everseal::acme {

// Of one order. Used by one thread.
class Solver {
 public:
  virtual ~Solver() = default;
  // Chooses a challenge for each of `pending`, all of one order, and makes every answer visible to the CA; on return
  // all of them may be started. Gives the index of the chosen challenge of each. Errors: config where no challenge can
  // be answered, and whatever presenting met; clean_up() follows in any case.
  virtual std::vector<std::size_t> present(std::span<const Authorization> pending, const Account& account,
                                           std::stop_token stop) = 0;
  // Takes back all that present() did, also after a failure or a cancel. What it could not take back is what it
  // returns, one printable line each.
  virtual std::vector<std::string> clean_up() noexcept = 0;
};

}  // namespace everseal::acme

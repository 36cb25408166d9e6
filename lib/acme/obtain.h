// One certificate from the CA: an order carried from its placing to the chain, or from where an earlier run left it.
#pragma once

#include "acme/account.h"
#include "acme/order.h"
#include "acme/solver.h"
#include "base/encoding.h"
#include "base/time.h"
#include "pki/certificate.h"

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::acme {

class Client;

// Remembers where an order stands. Each call returns after the commit.
class OrderJournal {
 public:
  virtual ~OrderJournal() = default;
  virtual void intended() = 0;                  // before newOrder is sent
  virtual void placed(const Order& order) = 0;  // before anything else is sent
  virtual void changed(const Order& order) = 0;
};

struct OrderRequest {
  NewOrder order;
  base::Bytes csr;              // DER
  std::string preferred_chain;  // CN of the root or of a certificate of the chain to be chosen among alternates; "":
                                // the default
  std::string open_order;  // URL of an order that an earlier run placed for the same CSR's key and did not finish; ""
};

struct Obtained {
  std::vector<pki::Certificate> chain;  // as the CA sent it
  std::vector<std::string> warnings;
};

// What happens right now, for somebody who watches: "proving www.example.org by http-01".
using Tell = std::function<void(const std::string&)>;

// Resumes `open_order` unless the CA has forgotten it, it came to nothing, or is for other names; else places one
// order, and never another. Errors: the CA's problems (denied, unreachable), what challenges met, timed_out where the
// CA takes longer than it is waited for: the order stays open and is resumed the next time. `clock` is read while
// waiting.
Obtained obtain(Client& client, const Account& account, const OrderRequest& request, OrderJournal& journal,
                Solver& solver, const std::function<base::Time()>& clock, const Tell& tell, std::stop_token stop);

// Gives up what was not finished, so that nothing pending counts against the account (section 7.5.2). Never throws.
void abandon_order(Client& client, const Account& account, const Order& order, std::stop_token stop) noexcept;

}  // namespace everseal::acme

// Orders (RFC 8555 sections 7.1.3 and 7.4).
#pragma once

#include "acme/account.h"
#include "acme/problem.h"
#include "base/encoding.h"
#include "base/time.h"
#include "pki/name.h"

#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::acme {

class Client;

enum class OrderStatus { pending, ready, processing, valid, invalid };
std::string_view to_string(OrderStatus status) noexcept;

struct Order {
  std::string url;  // of newOrder's Location; answers need not repeat it
  OrderStatus status = OrderStatus::pending;
  std::optional<base::Time> expires;
  std::vector<pki::Identifier> identifiers;  // in the CA's order
  std::vector<std::string> authorizations;
  std::string finalize;
  std::string certificate;  // "" until valid
  std::optional<Problem> error;
};

// Throws Error(invalid) that says what the CA got wrong.
Order parse_order(const std::string& url, std::string_view json);

// Are these the same identifiers, in any order?
bool same_identifiers(const std::vector<pki::Identifier>& a, const std::vector<pki::Identifier>& b);

struct NewOrder {
  std::vector<pki::Identifier> identifiers;
  std::string profile;   // "": the CA's default
  std::string replaces;  // RFC 9773 section 5: the identifier of the certificate that this one follows; "": of none
};

// Places an order. Not repeated where the connection breaks: nobody knows then whether one was placed. Without
// `replaces` where the CA does not take it.
Order place_order(Client& client, const Account& account, const NewOrder& wanted, std::stop_token stop);

struct FetchedOrder {
  Order order;
  std::optional<base::Time> retry_after;
};
// nullopt where the CA knows no such order (any more).
std::optional<FetchedOrder> fetch_order(Client& client, const Account& account, const std::string& url,
                                        std::stop_token stop);

}  // namespace everseal::acme

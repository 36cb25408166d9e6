// Looks in the DNS for what stands in the way of a renewal.
#pragma once

#include "dns/lookup.h"
#include "dns/observed.h"

#include <map>
#include <stop_token>
#include <string>
#include <vector>

namespace everseal::dns {

enum class ChallengeRecords { not_asked, asked };
enum class CaaRecords { not_asked, asked };

// Asks recursive resolvers, by what they answer alone. Used by one thread at a time. All calls throw unreachable where
// no resolver answers at all, cancelled, and Error(config) where there is none.
class Observer {
 public:
  explicit Observer(std::vector<Server> resolvers = {},
                    std::chrono::milliseconds patience = std::chrono::milliseconds(3'000));

  Observed observe(const std::string& name, ChallengeRecords challenge, CaaRecords caa, std::stop_token stop);
  // Of "_25._tcp.mail.example.org".
  Tlsa tlsa(const std::string& name, std::stop_token stop);
  // Whether any answer so far was called authentic, or bogus: a resolver that does not validate never does.
  bool has_validated() const noexcept { return has_validated_; }

 private:
  struct Reply;
  Reply ask(const std::string& name, int type, bool validated, const std::stop_token& stop);
  Validation validation_of(const Reply& reply, const std::string& name, int type, const std::stop_token& stop);
  Caa caa(const std::string& name, const std::stop_token& stop);
  std::string zone(const std::string& name, const std::stop_token& stop);

  std::vector<Server> resolvers_;
  std::chrono::milliseconds patience_;
  std::map<std::string, std::optional<std::vector<CaaRecord>>> caa_;  // by name; nullopt: no answer
  bool has_validated_ = false;
};

}  // namespace everseal::dns

// What the DNS says of a name, before anyone judges it.
#pragma once

#include "base/encoding.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace everseal::dns {

struct CaaRecord {
  bool is_critical = false;
  std::string tag;    // in lower case: "issue"
  std::string value;  // as a stranger wrote it
};

// The records that hold for a name (RFC 8659 section 3): its own, or those of the nearest name above that has any.
struct Caa {
  std::string at;  // whose they are; "" where there are none
  std::vector<CaaRecord> records;
  std::string failed_at;  // a name on the way up for which the resolver got no answer; "": none
};

// Whether a validating resolver takes what it got.
enum class Validation : std::uint8_t {
  secure,    // it says that the answer is authentic
  insecure,  // the zone is not signed, or the resolver does not validate
  bogus,     // it refuses what it gives to who does not want it validated
  failing    // it has no answer, validated or not
};

// Where a name that a CA will ask for leads to by CNAMEs.
struct Alias {
  std::string to;
  std::string zone;                              // that holds it; "" where that is not to be had
  Validation validation = Validation::insecure;  // of what is asked for there
};

struct TlsaRecord {
  int usage = 0, selector = 0, matching = 0;
  base::Bytes data;
};
struct Tlsa {
  std::vector<TlsaRecord> records;
  Validation validation = Validation::insecure;
};

struct Observed {
  std::string name;  // without the "*." of a wildcard
  std::string zone;  // that holds it; "" where that is not to be had
  Validation validation = Validation::insecure;
  std::optional<Caa> caa;          // absent: not asked for
  std::optional<Alias> challenge;  // of "_acme-challenge." before it; absent: no CNAME, or not asked for
  std::optional<Validation> challenge_validation;
};

}  // namespace everseal::dns

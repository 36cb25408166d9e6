// Who sets TXT records for dns-01: one interface over every provider.
#pragma once

#include "base/options.h"
#include "base/variable.h"

#include <cstddef>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::dns {

// One TXT value to be set and taken away again. Names are lower-case A-labels without a trailing dot.
struct TxtRecord {
  std::string name;    // owner name after CNAMEs: "_acme-challenge.www.example.org"
  std::string zone;    // the zone that holds it, by its SOA: "example.org"; "" where Kind::needs_zone denies it
  std::string value;   // ASCII, at most 255 octets
  std::string domain;  // the identifier that is proved, without "*."; for hooks
  std::string token;   // of the challenge, or ""; for hooks
  std::string key_authorization;  // or ""; for hooks
  // For hooks: `domain` of every record that is set together with this one, itself included, in the order in which they
  // are set, and how many of them come after it.
  std::vector<std::string> all_domains;
  std::size_t remaining = 0;
};

// Used by one thread at a time. Errors: denied where the provider refuses, unreachable/timed_out where it may work
// later, config where a zone is not the provider's.
class Provider {
 public:
  virtual ~Provider() = default;
  // Adds the value beside whatever stands at that name; twice is once. Returns when the provider took it, which is
  // before its servers show it.
  virtual void add(const TxtRecord& record, std::stop_token stop) = 0;
  // Removes this value alone; absent is fine.
  virtual void remove(const TxtRecord& record, std::stop_token stop) = 0;
};

struct Kind {
  std::string_view name;
  std::string_view summary;
  std::span<const base::Option> options;
  // Reads its secrets; Error(config) where one cannot be read.
  std::unique_ptr<Provider> (*open)(const base::Options& options);
  std::span<const base::Variable> variables = {};  // that its program is told
  // Whether add() and remove() with these options use TxtRecord::zone; nullptr: always.
  bool (*needs_zone)(const base::Options& options) = nullptr;
};

std::span<const Kind* const> kinds();
const Kind* find_kind(std::string_view name) noexcept;

}  // namespace everseal::dns

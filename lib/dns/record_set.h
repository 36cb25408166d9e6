// Providers that know a name's TXT records only as a whole: values are added to what stands there, and taken from it.
#pragma once

#include "dns/dns.h"

#include <optional>
#include <string>
#include <vector>

namespace everseal::dns {

// One worker at a time in this process changes record sets of a zone: two that read the same one would each lose the
// other's value.
class RecordSetProvider : public Provider {
 public:
  void add(const TxtRecord& record, std::stop_token stop) final;
  void remove(const TxtRecord& record, std::stop_token stop) final;

 protected:
  // The values that stand there, unquoted.
  virtual std::vector<std::string> read(const TxtRecord& record, std::stop_token stop) = 0;
  // Makes `values` all that stands there; `before` is what read() gave. Empty: nothing stands there any more. False
  // where another was quicker: read again.
  virtual bool write(const TxtRecord& record, const std::vector<std::string>& before,
                     const std::vector<std::string>& values, std::stop_token stop) = 0;
};

}  // namespace everseal::dns

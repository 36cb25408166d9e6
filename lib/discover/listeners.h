// Where a server listens, as its config says around one line of it.
#pragma once

#include "discover/server.h"

#include <string>
#include <string_view>
#include <vector>

namespace everseal::discover {

class Listeners {
 public:
  // `config` is one file of nginx, Apache or HAProxy; what it includes is not looked at.
  Listeners(ServerKind server, std::string_view config);

  // "127.0.0.1:443": where TLS is spoken with the certificate that line `number` (from 1) names, as somebody on the
  // same host reaches it. Empty where the lines around it do not tell: in a file that others include, for one.
  std::vector<std::string> at(int number) const;

 private:
  std::vector<Site> sites_;
};

}  // namespace everseal::discover

// HTTP CONNECT: RFC 9110 section 9.3.6.
#pragma once

#include "base/secret.h"
#include "probe/dialogue.h"

#include <memory>
#include <string>

namespace everseal::probe {

struct Proxy {
  std::string host;  // name or address literal
  int port = 3128;
  std::string user;  // "": none
  base::Secret password;
};

// `authority`: "host:port" of whom to be led to. What the peer behind the proxy says at once is the dialogue's rest.
std::unique_ptr<Dialogue> make_connect_dialogue(const Proxy& proxy, const std::string& authority);

}  // namespace everseal::probe

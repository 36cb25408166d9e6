// Where a server listens, as its config says around one line of it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace everseal::importer {

enum class ServerKind { nginx, apache, haproxy };

class Listeners {
 public:
  Listeners(ServerKind server, std::string_view config);

  // "127.0.0.1:443": where TLS is spoken with the certificate that line `number` (from 1) names, as somebody on the
  // same host reaches it. Empty where the lines around it do not tell: in a file that others include, for one.
  std::vector<std::string> at(int number) const;

 private:
  struct Block {
    int first, last;  // its lines
    std::vector<std::string> listeners;
  };
  static std::vector<Block> nginx_blocks(std::string_view config);
  static std::vector<Block> apache_blocks(std::string_view config);
  static std::vector<Block> haproxy_blocks(std::string_view config);

  std::vector<Block> blocks_;  // in their order; none lies in another
};

}  // namespace everseal::importer

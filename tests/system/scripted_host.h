// A host whose certificate "www" comes from a scripted CA.
#pragma once

#include "fakes/acme_server.h"
#include "system/server.h"
#include "system/site.h"

#include <string>

#include <fmt/format.h>

namespace everseal::system {

struct ScriptedHost {
  explicit ScriptedHost(const std::string& tables =
                            "[certificate.www]\nissuer = [\"scripted\"]\n"
                            "identifiers = [\"www.example.org\", \"example.org\"]\n",
                        const std::string& issuer_lines = {}) {
    site.configure(
        fmt::format("workers = 32\n[issuer.scripted]\ntype = \"acme\"\ndirectory = \"{}\"\nca_file = \"{}\"\n"
                    "http_port = {}\nhttp_address = \"127.0.0.1\"\n{}{}",
                    ca.directory_url(), ca.ca_file(), free_port(), issuer_lines, tables));
    require_status(site.everseal({"init"}), 0);
  }
  base::Exit renew(Words more = {}) const {
    Words words{"renew", "www"};
    words.insert(words.end(), more.begin(), more.end());
    return site.everseal(words);
  }

  fakes::AcmeServer ca;
  Site site{Site::Ca::none};
};

}  // namespace everseal::system

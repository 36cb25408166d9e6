// lego's directory: accounts/SERVER/EMAIL/, certificates/NAME.{crt,key,json}.
#include "base/error.h"
#include "base/text.h"
#include "importer/foreign_files.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace everseal::importer {
namespace {

namespace fs = std::filesystem;
using base::printable;

nlohmann::json json_in(const std::string& file) {
  nlohmann::json json = nlohmann::json::parse(read_text(file).value_or(""), nullptr, false);
  if (!json.is_object()) throw base::Error(base::Fault::invalid, fmt::format("{} is no JSON object", printable(file)));
  return json;
}

std::string text_at(const nlohmann::json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

class Reading {
 public:
  explicit Reading(std::string directory) : directory_(std::move(directory)) {}

  Found run() {
    if (!fs::is_directory(directory_ + "/certificates") && !fs::is_directory(directory_ + "/accounts"))
      throw base::Error(base::Fault::config,
                        fmt::format("{} has neither certificates/ nor accounts/", printable(directory_)),
                        "name lego's --path, usually the directory .lego of where it runs");
    for (const std::string& server : names_in(directory_ + "/accounts"))
      for (const std::string& id : names_in(fmt::format("{}/accounts/{}", directory_, server)))
        read_accounts(server, id);
    for (const std::string& file : names_in(directory_ + "/certificates"))
      if (file.ends_with(".json")) {
        const std::string name = file.substr(0, file.size() - 5);
        each_alone(found_, printable(name), [&] { read_lineage(name); });
      }
    if (!found_.lineages.empty())
      found_.remarks.push_back(
          {Remark::Kind::left, printable(directory_ + "/certificates"),
           "lego keeps challenges, hooks and renewal times on its command line, so they are not known here",
           "look at what starts it; where http-01 on port 80 does not do, a [challenge.NAME] says how names are "
           "proved"});
    return std::move(found_);
  }

 private:
  // "127.0.0.1_14000" is a host and its port.
  static std::string authority_of_folder(std::string name) {
    const std::size_t port = name.rfind('_');
    if (port != std::string::npos && name.find_first_not_of("0123456789", port + 1) == std::string::npos)
      name[port] = ':';
    return name;
  }

  // lego 4: accounts/HOST_PORT/EMAIL/{account.json,keys/EMAIL.key}; 5: accounts/HOST_PORT/ID/TYPE/{account.json,ID.key}
  void read_accounts(const std::string& server, const std::string& id) {
    const std::string folder = fmt::format("{}/accounts/{}/{}", directory_, server, id);
    if (fs::exists(folder + "/account.json"))
      return each_alone(found_, printable(id),
                        [&] { read_account(server, folder, fmt::format("{}/keys/{}.key", folder, id), id); });
    for (const std::string& type : names_in(folder))
      if (const std::string inner = folder + "/" + type; fs::exists(inner + "/account.json"))
        each_alone(found_, printable(id),
                   [&] { read_account(server, inner, fmt::format("{}/{}.key", inner, id), id); });
  }

  void read_account(const std::string& server, const std::string& folder, const std::string& key_file,
                    const std::string& id) {
    const nlohmann::json json = json_in(folder + "/account.json");
    std::string url;
    if (const auto registration = json.find("registration"); registration != json.end() && registration->is_object())
      for (const char* const member : {"uri", "accountURL"})
        if (url.empty()) url = text_at(*registration, member);
    Account account{.label = printable(id),
                    .server = server_at(url.empty() ? authority_of_folder(server) : authority_of(url)),
                    .url = url,
                    .contact = {},
                    .ca_file = {},
                    .key = base::within("its key", [&] { return pki::PrivateKey::parse(read_secret(key_file)); })};
    if (const std::string address = text_at(json, "email"); address.find('@') != std::string::npos)
      account.contact.push_back("mailto:" + address);
    found_.accounts.push_back(std::move(account));
  }

  void read_lineage(const std::string& name) {
    const std::string path = fmt::format("{}/certificates/{}", directory_, name);
    const nlohmann::json json = json_in(path + ".json");
    if (!fs::exists(path + ".key")) {
      found_.remarks.push_back({Remark::Kind::left, printable(name),
                                "its key is not here: it was made from a request of its own",
                                "`everseal issue --csr` has such a request signed"});
      return;
    }
    std::string url = text_at(json, "certUrl");
    if (url.empty()) url = text_at(json, "certStableUrl");
    pki::PrivateKey key = base::within("its key", [&] { return pki::PrivateKey::parse(read_secret(path + ".key")); });
    Lineage lineage{.label = printable(name),
                    .account = {},
                    .server = server_at(authority_of(url)),
                    .profile = {},
                    .preferred_chain = {},
                    .chain = read_chain({path + ".crt", path + ".issuer.crt"}, key),
                    .key = std::move(key),
                    .challenges = {},
                    .copies = {}};
    const auto at_server = [&](const Account& one) { return one.server == lineage.server; };
    const auto account = std::ranges::find_if(found_.accounts, at_server);
    if (account != found_.accounts.end()) lineage.account = static_cast<std::size_t>(account - found_.accounts.begin());
    if (std::ranges::count_if(found_.accounts, at_server) > 1)
      found_.remarks.push_back(
          {Remark::Kind::left, lineage.label,
           fmt::format("lego does not say which of its accounts ordered it; {} is taken", account->label),
           "where that is wrong, change `issuer` in its file in conf.d"});
    found_.lineages.push_back(std::move(lineage));
  }

  std::string directory_;
  Found found_;
};

}  // namespace

extern const Kind lego_kind;
const Kind lego_kind{"lego", "lego", "/etc/lego or a directory .lego",
                     [](const std::string& directory) { return Reading(directory).run(); }};

}  // namespace everseal::importer

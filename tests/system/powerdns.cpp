#include "system/powerdns.h"

#include "base/text.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

namespace everseal::system {
namespace {

constexpr const char* kKey = "the-api-key-of-this-test";
constexpr const char* kSchema = "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql";

}  // namespace

PowerDns::PowerDns(const Site& site, const std::vector<std::string>& zones, Secondary secondary)
    : port_(free_port()), api_port_(free_port()), key_file_(site / "powerdns.key") {
  write_text(key_file_, std::string(kKey) + "\n", 0600);
  const bool has_secondary = secondary == Secondary::one;
  daemon_ = start(site / "powerdns", "127.0.0.1", api_port_,
                  has_secondary ? fmt::format("primary=yes\nalso-notify=127.0.0.2:{}\n", port_) : "primary=yes\n");
  for (const std::string& zone : zones) {
    const auto host = [&](const std::string& name, const std::string& address) {
      return fmt::format(R"({{"name":"{}.{}.","type":"A","ttl":1,"records":[{{"content":"{}","disabled":false}}]}})",
                         name, zone, address);
    };
    call("POST", "zones",
         fmt::format(R"({{"name":"{0}.","kind":"Master","nameservers":["ns.{0}."{1}],"rrsets":[{2},{3},{4}]}})", zone,
                     has_secondary ? fmt::format(R"(,"ns2.{}.")", zone) : "", host("ns", "127.0.0.1"),
                     host("ns2", "127.0.0.2"), host("www", "127.0.0.1")));
  }
  if (has_secondary) start_secondary(site, zones);
}

std::unique_ptr<Daemon> PowerDns::start(const std::string& home, const std::string& address, int api_port,
                                        const std::string& more) const {
  std::filesystem::create_directory(home);
  run_or_fail({"sqlite3", home + "/zones.db"}, {.input = base::to_bytes(read_text(kSchema))});
  write_text(home + "/pdns.conf",
             fmt::format("launch=gsqlite3\ngsqlite3-database={0}/zones.db\nlocal-address={1}\nlocal-port={2}\n"
                         "api=yes\napi-key={3}\nwebserver=yes\nwebserver-address=127.0.0.1\nwebserver-port={4}\n"
                         "daemon=no\nguardian=no\nsocket-dir={0}\nsecurity-poll-suffix=\n{5}",
                         home, address, port_, kKey, api_port, more),
             0600);
  auto daemon = std::make_unique<Daemon>(Words{"pdns_server", "--config-dir=" + home});
  daemon->wait_for_port(api_port);
  return daemon;
}

void PowerDns::start_secondary(const Site& site, const std::vector<std::string>& zones) {
  const int api_port = free_port();
  secondary_ = start(site / "powerdns-2", "127.0.0.2", api_port, "secondary=yes\n");
  for (const std::string& zone : zones) {
    call(api_port, "POST", "zones",
         fmt::format(R"({{"name":"{}.","kind":"Slave","masters":["127.0.0.1:{}"]}})", zone, port_));
    call(api_port, "PUT", fmt::format("zones/{}./axfr-retrieve", zone), "");
    wait_until("the secondary to hold " + zone, [&] {
      const base::Exit asked =
          run({"dig", "+short", "+time=1", "+tries=1", "-p", std::to_string(port_), "@127.0.0.2", zone, "SOA"});
      return asked.success() && contains(asked.output, " ");
    });
  }
}

std::string PowerDns::call(const std::string& method, const std::string& path, const std::string& json) const {
  return call(api_port_, method, path, json);
}

std::string PowerDns::call(int api_port, const std::string& method, const std::string& path,
                           const std::string& json) const {
  return run_or_fail(
      {"curl", "--disable", "--silent", "--show-error", "--fail-with-body", "--max-time", "30", "--noproxy", "*",
       "--request", method, "--header", fmt::format("X-API-Key: {}", kKey), "--data-binary", "@-",
       fmt::format("http://127.0.0.1:{}/api/v1/servers/localhost/{}", api_port, path)},
      {.input = base::to_bytes(json)});
}

std::vector<std::string> PowerDns::txt(const std::string& name) const {
  const std::string text =
      run_or_fail({"dig", "+short", "+time=2", "+tries=2", "-p", std::to_string(port_), "@127.0.0.1", name, "TXT"});
  std::vector<std::string> values;
  for (const std::string& line : base::split(text, '\n'))
    if (line.size() > 2) values.push_back(line.substr(1, line.size() - 2));
  std::ranges::sort(values);
  return values;
}

void PowerDns::put(const std::string& zone, const std::string& name, const std::string& value) const {
  std::vector<std::string> values = txt(name);
  values.push_back(value);
  std::string records;
  for (const std::string& one : values)
    records += fmt::format(R"({}{{"content":"\"{}\"","disabled":false}})", records.empty() ? "" : ",", one);
  call("PATCH", "zones/" + zone + ".",
       fmt::format(R"({{"rrsets":[{{"name":"{}.","type":"TXT","ttl":1,"changetype":"REPLACE","records":[{}]}}]}})",
                   name, records));
}

}  // namespace everseal::system

#include "system/other_scanners.h"

#include "system/program.h"

#include <filesystem>

#include <fmt/format.h>

namespace everseal::system {

std::string disagreement(const Agreement& expected, const std::string& name, int port, const std::string& root_file,
                         const std::string& scratch_file) {
  std::string why;
  std::filesystem::remove(scratch_file);
  run({"testssl", "--warnings", "batch", "--quiet", "--color", "0", "--nodns", "min", "--ip", "127.0.0.1", "--add-ca",
       root_file, "--jsonfile", scratch_file, "-S", "-p", "-s", fmt::format("{}:{}", name, port)});
  std::string said = "nothing";
  for (const Json& one : Json::parse(read_text(scratch_file)))
    if (one.at("id").get<std::string>().starts_with(expected.id)) said = one.at("finding").get<std::string>();
  if (!contains(said, expected.finding))
    why = fmt::format("testssl.sh says \"{}\" of {}, not \"{}\"", said, expected.id, expected.finding);
  const std::string scan =
      run({"sslscan", "--no-colour", "--sni-name=" + name, "--xml=-", fmt::format("127.0.0.1:{}", port)}).output;
  if (!contains(scan, expected.sslscan)) why += fmt::format("\nsslscan does not say {}:\n{}", expected.sslscan, scan);
  return why;
}

}  // namespace everseal::system

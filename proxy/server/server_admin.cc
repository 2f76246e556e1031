// The server's doors for administrators: the admin listener and the control socket.

#include <memory>
#include <utility>

#include <fmt/format.h>

#include "config/local.h"
#include "proxy/server/server.h"

namespace gatepost::server {

Result<void> Server::start_admin() {
  const std::string& address = snapshot_->config.admin.address;
  if (address.empty()) return {};
  auto endpoint = Endpoint::parse(address);
  if (!endpoint) return std::unexpected(endpoint.error());
  admin_service_ = std::make_unique<admin::AdminService>(
      admin::AdminService::Sources{.metrics = [this] { return exporter_->render(); },
                                   .not_ready = [this] { return not_ready(); },
                                   .configuration = [this] { return document_; },
                                   .office = *office_,
                                   .quarantine = quarantine_room_,
                                   .retention = retention_room_,
                                   .log = log_},
      loop_, admin::AdminService::Place{config::is_local(*endpoint), endpoint->host});
  admin_service_->set_token(snapshot_->admin_token);
  auto admin = HttpListener::start(
      loop_, *endpoint,
      [this](const http::Request& request, http::Responder responder, const auto& client) {
        admin_service_->handle(request, client.address, std::move(responder));
      },
      {.inherited =
           predecessor_.sockets().take(process::InheritedSockets::kAdmin + endpoint->to_string())});
  if (!admin) return std::unexpected(admin.error());
  admin_ = std::move(*admin);
  log_.info("listening", {{"listener", "admin"}, {"address", admin_->bound().to_string()}});
  return {};
}

/// Who may open the socket may do everything; what is done is logged with who it was.
Result<void> Server::start_control() {
  const config::Admin& admin = snapshot_->config.admin;
  if (admin.control.empty()) return {};
  control_service_ = std::make_unique<admin::ControlService>(*office_);
  auto control = HttpListener::start(
      loop_, Endpoint{.host = {}, .path = admin.control},
      [this](const http::Request& request, http::Responder responder, const auto& client) {
        const std::string by =
            client.user ? fmt::format("uid {}", *client.user) : std::string("control");
        control_service_->handle(request, std::move(responder), by);
      },
      {.unix_mode = admin.control_mode,
       .inherited =
           predecessor_.sockets().take(process::InheritedSockets::kControl + admin.control)});
  if (!control) return std::unexpected(control.error());
  control_ = std::move(*control);
  log_.info("listening", {{"listener", "control"}, {"address", control_->bound().to_string()}});
  return {};
}

void Server::open_office() {
  FrontOffice::Parts parts{
      .loop = loop_,
      .log = log_,
      .workers = workers_,
      .snapshot = snapshot_,
      .listening = listening_,
      .connections = connections_,
      .config_file = config_file_,
      .facts = [this] { return facts(); },
      .not_ready = [this] { return not_ready(); },
      .state = [this] { return word_for_phase(); },
      .drain = [this] { on_terminate(); },
      .reload = [this] { return reload(); },
      .upgrade = [this](std::string_view by, auto then) { upgrade_for(by, std::move(then)); }};
  office_ = std::make_unique<FrontOffice>(std::move(parts));
}

/// Tells who asked in any case; begin_upgrade() keeps silent where it refuses at once.
void Server::upgrade_for(std::string_view by, admin::Office::Then<Result<void>> then) {
  auto told = std::make_shared<admin::Office::Then<Result<void>>>(std::move(then));
  const auto begun = begin_upgrade(by, [told](const Result<pid_t>& outcome) {
    (*told)(outcome ? Result<void>() : std::unexpected(outcome.error()));
  });
  if (!begun) (*told)(std::unexpected(begun.error()));
}

}  // namespace gatepost::server

# The scheduler half of fateflow: drives jobs at all parties (SCHEDULER.md).
fate_library(NAME fateflow_scheduler FLOOR 7
  SOURCES executor.cc partner_client.cc partner_packet.cc partner_server.cc schedule_log.cc
    scheduler_driver.cc scheduler_requests.cc scheduler_store.cc
  DEPS base dag http proto rpc scheduler sql)
target_include_directories(fate_fateflow_scheduler PUBLIC ${CMAKE_SOURCE_DIR}/services)
fate_test(NAME fateflow_scheduler_test
  SOURCES partner_test.cc scheduler_driver_test.cc scheduler_store_test.cc
  DEPS fateflow_scheduler)

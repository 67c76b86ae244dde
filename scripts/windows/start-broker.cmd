@echo off
rem Elevated: the broker, as SYSTEM in session 0, where lsass is. With the word "here" it runs in this window.
setlocal
call "%~dp0settings.cmd"
if not exist "%AGENT%" (
  echo start-broker: %AGENT% is missing: copy it beside this script.
  exit /b 2
)
if not exist "%TOKEN_FILE%" (
  echo start-broker: %TOKEN_FILE% is missing: put the controller's token into it.
  exit /b 2
)
if /i "%~1"=="here" (
  "%AGENT%" broker --connect %CONTROLLER% --token-file "%TOKEN_FILE%"
  goto end
)
rem The task starts a script and not the agent: a task's command line has no room for long paths.
schtasks /Create /F /TN pcsc-bridge-broker /RU SYSTEM /SC ONCE /ST 00:00 /TR "\"%~f0\" here"
if errorlevel 1 (
  echo start-broker: the task could not be made: run this as administrator.
  exit /b 1
)
schtasks /Run /TN pcsc-bridge-broker
:end
exit /b %ERRORLEVEL%

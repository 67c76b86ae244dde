@echo off
rem Elevated: lets SYSTEM and administrators alone read broker.key, and each NAME.key the user NAME too.
setlocal
call "%~dp0settings.cmd"
if not exist "%KEYS%\broker.key" (
  echo protect-keys: %KEYS%\broker.key is missing: copy the controller's key files there.
  exit /b 2
)
for %%K in ("%KEYS%\*.key") do (
  icacls "%%K" /setowner *S-1-5-32-544 >nul
  if errorlevel 1 goto failed
  icacls "%%K" /inheritance:r /grant:r *S-1-5-18:R *S-1-5-32-544:F >nul
  if errorlevel 1 goto failed
  if /i not "%%~nK"=="broker" icacls "%%K" /grant:r "%%~nK:R" >nul
  if errorlevel 1 goto failed
)
echo protect-keys: done. icacls "%KEYS%\*.key" shows who may read them.
exit /b 0
:failed
echo protect-keys: icacls failed: run this as administrator, and name each key file as its Windows user.
exit /b 1
